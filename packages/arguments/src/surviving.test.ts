import { once } from 'node:events';
import { expect, test } from 'vitest';
import { surviving } from './surviving.ts';

const broken = new Error('broken');

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw broken;
    },
  ],
  ['rejects', () => Promise.reject(broken)],
])('a listener that %s is told of once, and what it listens to goes on', async (_, fail) => {
  const warned = once(process, 'warning');
  const heard: unknown[] = [];
  const listen = surviving('onEvent', (...args: number[]) => {
    heard.push(args);
    return fail();
  });
  expect(listen(1, 2)).toBeUndefined();
  listen(3);
  const [warning] = await warned;
  expect(warning).toMatchObject({
    name: 'ListenerWarning',
    message: expect.stringContaining('The listener `onEvent` failed, and what it listens to goes on: Error: broken'),
  });
  expect(heard).toEqual([[1, 2], [3]]);
});

test('no listener is none', () => {
  expect(surviving('onEvent', undefined)).toBeUndefined();
});
