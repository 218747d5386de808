import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Lifetime } from './lifetime.ts';

/** Ends with what it was aborted for. */
const untilAborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));

test('all that runs with one signal of a caller is one listener on it, ends with it, and leaves none behind', async () => {
  await using lifetime = new Lifetime();
  const [mine, other] = [new AbortController(), new AbortController()];
  const { signal } = mine;
  const running = Array.from({ length: 30 }, () => lifetime.run({ signal }, untilAborted));
  const beside = lifetime.run({ signal: other.signal }, untilAborted);
  await lifetime.run({ signal }, async () => {});
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  mine.abort('enough');
  expect(new Set(await Promise.all(running))).toEqual(new Set(['enough']));
  expect(other.signal.aborted).toBe(false);
  other.abort('too');
  expect(await beside).toBe('too');
  for (const each of [signal, other.signal]) expect(getEventListeners(each, 'abort')).toEqual([]);
});

test('one that ends alone leaves the others on the signal', async () => {
  await using lifetime = new Lifetime();
  const controller = new AbortController();
  const { signal } = controller;
  const failing = lifetime.run({ signal }, () => Promise.reject(new Error('no')));
  const running = lifetime.run({ signal }, untilAborted);
  await expect(failing).rejects.toThrow('no');
  controller.abort('enough');
  expect(await running).toBe('enough');
});

test('its own end is everybody’s', async () => {
  const lifetime = new Lifetime();
  const { signal } = new AbortController();
  const running = lifetime.run({ signal }, untilAborted);
  lifetime.abort();
  expect(await running).toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
  await expect(lifetime.run({ signal }, untilAborted)).rejects.toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
  await lifetime[Symbol.asyncDispose]();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
