import { expect, test, vi } from 'vitest';
import type { ByteStream } from '../src/streams/content.ts';
import { createUnpackDigester } from '../src/unpacking/unpack-digester.ts';
import { noise, settled } from './support.ts';

/** Unpacking that waits to be told to go on, thread or not. */
const slow = vi.hoisted(() => ({ written: 0, answers: [] as (() => void)[], read: () => {} }));

vi.mock('@slipway/deflate/pool', async (original) => ({
  ...(await original<object>()),
  createGunzipHashPool: () => ({
    begin: () => ({
      write(bytes: Uint8Array) {
        slow.written += bytes.byteLength;
        return new Promise<void>((resolve) => slow.answers.push(resolve));
      },
      end: async () => ({ hash: '', size: slow.written }),
      [Symbol.dispose]() {},
    }),
  }),
}));

vi.mock('../src/hashing/hashing.ts', () => ({
  async digestStream(stream: ByteStream) {
    let size = 0;
    await new Promise<void>((resolve) => {
      slow.read = resolve;
    });
    for await (const chunk of stream) size += chunk.byteLength;
    return { digest: '', size };
  },
}));

const chunk = noise(1_000_000);

test('of a gzip stream, no more than two pieces of 128 KiB are on their way to a thread', async () => {
  using digester = createUnpackDigester('gzip');
  const feeding = digester.feed(chunk);
  let most = 0;
  while (slow.written < chunk.byteLength) {
    await settled();
    most = Math.max(most, slow.answers.length);
    slow.answers.shift()?.();
  }
  await feeding;
  expect(most).toBe(2);
  expect((await digester.end()).size).toBe(chunk.byteLength);
});

test.each(['zstd', 'none'] as const)('of a stream of %s, who feeds waits with more than 1 MiB', async (compression) => {
  using digester = createUnpackDigester(compression);
  let taken = 0;
  const feeding = (async () => {
    for (; taken < 10; taken += 1) await digester.feed(chunk);
  })();
  await settled();
  expect(taken).toBe(1); // the second is taken too, and waited for
  slow.read();
  if (compression === 'none') {
    await feeding;
    expect((await digester.end()).size).toBe(10 * chunk.byteLength);
  } else await expect(feeding).rejects.toMatchObject({ code: 'ERR_COMPRESSION_CORRUPT' });
});
