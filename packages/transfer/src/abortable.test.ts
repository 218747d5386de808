import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { abortable } from './abortable.ts';

test('what the work gives is what is given, and no listener stays', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(7), signal)).toBe(7);
  expect(await abortable(Promise.resolve(8), undefined)).toBe(8);
  await expect(abortable(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test.each(['before', 'meanwhile'])(
  'an abort %s ends the wait with its reason; the work may fail afterwards',
  async (when) => {
    const controller = new AbortController();
    let fail: (error: Error) => void = () => {};
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    if (when === 'before') controller.abort('gone');
    const waiting = abortable(work, controller.signal);
    controller.abort('gone');
    await expect(waiting).rejects.toBe('gone');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    fail(new Error('later')); // vitest fails on a rejection that nobody handles
    await new Promise((resolve) => setImmediate(resolve));
  },
);
