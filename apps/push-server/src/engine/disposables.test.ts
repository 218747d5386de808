import { expect, test } from 'vitest';
import { createDisposables } from './disposables.ts';

test('the last that was opened is closed first, each once, also when one fails', async () => {
  const closed: string[] = [];
  const failure = new Error('cannot close');
  const opened = createDisposables();
  opened.use({ [Symbol.dispose]: () => void closed.push('a') });
  opened.use({
    [Symbol.asyncDispose]: async () => {
      closed.push('b');
      throw failure;
    },
  });
  opened.use({ [Symbol.asyncDispose]: async () => void closed.push('c') });
  await expect(opened[Symbol.asyncDispose]()).rejects.toBe(failure);
  await opened[Symbol.asyncDispose]();
  expect(closed).toEqual(['c', 'b', 'a']);
});
