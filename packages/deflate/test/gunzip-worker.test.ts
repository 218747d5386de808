import { expect, test, vi } from 'vitest';
import { createGunzipHashPool } from '../src/gunzip-pool.ts';

/** A worker that ends when bytes say so, and says of every stream how many were given up. */
vi.mock('../src/gunzip-worker.ts', () => ({
  gunzipWorkerSource: `const { parentPort } = require('node:worker_threads');
let givenUp = 0;
parentPort.on('message', ({ id, bytes, isLast }) => {
  if (bytes === undefined) {
    givenUp += 1;
    return parentPort.postMessage({ id });
  }
  if (bytes[0] === 1) process.exit(3);
  if (bytes[0] === 2) throw new Error('out of memory');
  parentPort.postMessage({ id, result: isLast ? { hash: '', size: givenUp } : undefined });
});`,
}));

test.each([
  [1, 'exit code 3', undefined],
  [2, 'exit code 1', 'out of memory'],
])(
  'a thread that ends fails its runs, also those it owes no answer, and another takes its place (%i)',
  async (letter, message, cause) => {
    await using pool = createGunzipHashPool({ threads: 1 });
    const [failing, waiting] = [pool.begin(), pool.begin()];
    await Promise.all([failing.write(Uint8Array.of(7)), waiting.write(Uint8Array.of(7))]);
    const failure = {
      name: 'DeflateError',
      code: 'ERR_DEFLATE_WORKER',
      message: expect.stringContaining(message),
      ...(cause !== undefined && { cause: expect.objectContaining({ message: cause }) }),
    };
    await expect(failing.write(Uint8Array.of(letter))).rejects.toMatchObject(failure);
    await expect(failing.end()).rejects.toMatchObject(failure);
    await expect(waiting.write(Uint8Array.of(7))).rejects.toMatchObject(failure);
    await expect(waiting.end()).rejects.toMatchObject(failure);
    expect(await pool.begin().end()).toEqual({ hash: '', size: 0 });
  },
);

test('a thread hears of each run that is given up before its end, once, if it has begun with it', async () => {
  await using pool = createGunzipHashPool({ threads: 1 });
  const [begun, never, ended] = [pool.begin(), pool.begin(), pool.begin()];
  await begun.write(Uint8Array.of(7));
  await ended.end();
  for (const run of [begun, begun, never, ended]) run[Symbol.dispose]();
  expect(await pool.begin().end()).toEqual({ hash: '', size: 1 });
});
