import { expect, test, vi } from 'vitest';
import { createDeflatePool } from '../src/deflate-pool.ts';

/** A worker that ends when a block says so, and gives others back as they are. */
vi.mock('../src/pool-worker.ts', () => ({
  workerSource: `const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ id, piece: { bytes } }) => {
  if (bytes[0] === 1) process.exit(3);
  if (bytes[0] === 2) throw new Error('out of memory');
  parentPort.postMessage({ id, result: bytes });
});`,
}));

test.each([
  [1, 'exit code 3', undefined],
  [2, 'exit code 1', 'out of memory'],
])('a thread that ends fails its blocks only, and another takes its place (%i)', async (letter, message, cause) => {
  await using pool = createDeflatePool({ threads: 1 });
  const fine = Uint8Array.of(7, 7);
  const failing = pool.deflate(Uint8Array.of(letter));
  const outcome = expect(failing).rejects.toMatchObject({
    name: 'DeflateError',
    code: 'ERR_DEFLATE_WORKER',
    message: expect.stringContaining(message),
    ...(cause !== undefined && { cause: expect.objectContaining({ message: cause }) }),
  });
  await outcome;
  expect(await pool.deflate(fine)).toEqual(fine);
});
