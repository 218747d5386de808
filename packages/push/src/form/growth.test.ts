import { expect, test } from 'vitest';
import { Growth } from './growth.ts';

/** What has become of a promise by now. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const later = Promise.resolve().then(() => Promise.resolve().then(() => 'waiting'));
  return await Promise.race([
    promise.then(
      () => 'there',
      (error: unknown) => error,
    ),
    later,
  ]);
}

test('lets those go on who have waited for no more than there is', async () => {
  const growth = new Growth();
  const [five, nine] = [growth.reached(5), growth.reached(9)];
  growth.grow(4);
  expect(await stateOf(five)).toBe('waiting');
  growth.grow(4);
  expect(await stateOf(five)).toBe('there');
  expect(await stateOf(nine)).toBe('waiting');
  expect(await stateOf(growth.reached(8))).toBe('there');
  growth.end();
  expect(await stateOf(nine)).toBe('there');
  expect(await stateOf(growth.reached(100))).toBe('there');
  expect([growth.total, growth.hasEnded]).toEqual([8, true]);
});

test('fails those who wait for what will not come, and nobody else', async () => {
  const growth = new Growth();
  growth.grow(5);
  const waiting = growth.reached(6);
  const error = new Error('broken');
  growth.fail(error);
  expect(await stateOf(waiting)).toBe(error);
  expect(await stateOf(growth.reached(6))).toBe(error);
  expect(await stateOf(growth.reached(5))).toBe('there');
});

test('a wait ends with its signal', async () => {
  const growth = new Growth();
  const controller = new AbortController();
  const waiting = growth.reached(1, { signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  expect(await stateOf(waiting)).toBe(reason);
  await expect(growth.reached(0, { signal: controller.signal })).rejects.toBe(reason);
});
