import { Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chunked, collect, distributions, noise } from '../../test/support.ts';
import type { StoredRange } from '../compression/compressor.ts';
import { compressionPass, createDigester, digestBytes } from '../hashing/hashing.ts';
import { type Content, contentOf } from '../streams/content.ts';
import { createGzipCompressor } from './gzip.ts';

const block = 64 * 1024;
const plain = Buffer.concat([
  distributions.letters(3 * block, 1),
  noise(3 * block),
  distributions.letters(2 * block + 99, 2),
]);
const path = async (): Promise<string> => join(await folder, 'plain');
const folder = mkdtemp(join(tmpdir(), 'slipway-compress-file-'));

beforeAll(async () => await writeFile(await path(), plain));
afterAll(async () => await rm(await folder, { recursive: true }));

interface Lent {
  readonly content: Content;
  /** Bytes that threads have read, as the lender hears of them. */
  readonly read: () => number;
  readonly returned: () => Promise<void>;
}

/** Part of the file, which can be read by threads only; `onCheck` is asked whether it is as it was. */
async function lent(start: number, end: number, onCheck: () => void | Promise<void> = () => {}): Promise<Lent> {
  const handle = await open(await path());
  let read = 0;
  let isLent = true;
  let onReturned = (): void => {};
  const returned = new Promise<void>((resolve) => {
    onReturned = resolve;
  });
  const content: Content = {
    size: end - start,
    open() {
      throw new Error('read on the main thread');
    },
    lend: async () => ({
      fd: handle.fd,
      start,
      readSync,
      async assertUnchanged() {
        if (!isLent) throw new Error('looked at after it was given back');
        await onCheck();
      },
      onRead: (_, size) => {
        read += size;
      },
      readFailure: (cause) => new Error('could not be read', { cause }),
      [Symbol.dispose]() {
        isLent = false;
        void handle.close().then(onReturned);
      },
    }),
  };
  return { content, read: () => read, returned: () => returned };
}

describe('content that lies in a file', () => {
  test('is hashed where it is made, where it looks like noise, and what nobody reads is not known', async () => {
    await collect(createGzipCompressor().compress(chunked(noise(13 * 1024 * 1024)))); // what this thread does itself
    const { content, returned } = await lent(0, plain.byteLength);
    const pass = compressionPass(content, createGzipCompressor({ blockSize: block }), { isNoise: true });
    const update = vi.spyOn(Hash.prototype, 'update');
    let made: Uint8Array;
    try {
      expect(() => pass.result()).toThrow('read to its end');
      made = await collect(pass.stream);
      expect(update).not.toHaveBeenCalled(); // not on this thread
    } finally {
      update.mockRestore();
    }
    expect(pass.result()).toMatchObject({ digest: digestBytes(made), size: made.byteLength });
    await returned();
  });

  test('comes to the bytes, the digests and the stored ranges that its stream comes to', async () => {
    const gzip = createGzipCompressor({ blockSize: block });
    const part = fc
      .tuple(fc.nat(plain.byteLength), fc.nat(plain.byteLength))
      .filter(([a, b]) => Math.abs(a - b) > block / 2);
    await fc.assert(
      fc.asyncProperty(part, fc.boolean(), fc.boolean(), async ([a, b], reuse, isNoise) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const bytes = plain.subarray(start, end);
        const expected = { digest: digestBytes(bytes) };
        const told: StoredRange[] = [];
        const known: StoredRange[] = [];
        const stream = compressionPass(chunked(bytes), gzip, { expected, onStored: (range) => known.push(range) });
        const made = await collect(stream.stream);

        const file = await lent(start, end);
        const onStored = (range: StoredRange): unknown => told.push(range);
        const pass = compressionPass(file.content, gzip, { expected, reuse, isNoise, onStored });
        const copies: Uint8Array[] = [];
        for await (const chunk of pass.stream) copies.push(Buffer.from(chunk));
        expect(Buffer.compare(Buffer.concat(copies), made)).toBe(0);
        expect(pass.result()).toEqual(stream.result());
        expect(told).toEqual(known);
        expect(file.read()).toBe(end - start);
        await file.returned();
      }),
      { numRuns: 20 },
    );
  });

  test.each(['sha384', 'sha512'] as const)('is compared with a %s digest too', async (algorithm) => {
    const digester = createDigester(algorithm);
    digester.update(plain);
    const { content } = await lent(0, plain.byteLength);
    const pass = compressionPass(content, createGzipCompressor(), { expected: { digest: digester.digest() } });
    await collect(pass.stream);
    expect(pass.result().diffID).toMatch(new RegExp(`^${algorithm}:`));
  });

  test.each([false, true])(
    'that is not what was promised fails before the stream ends (noise: %s)',
    async (isNoise) => {
      const wrong = digestBytes(new Uint8Array(1));
      const whole = await collect(createGzipCompressor().compress(chunked(plain)));
      const { content, returned } = await lent(0, plain.byteLength);
      const pass = compressionPass(content, createGzipCompressor(), { expected: { digest: wrong }, isNoise });
      let received = 0;
      const read = async (): Promise<void> => {
        for await (const chunk of pass.stream) received += chunk.byteLength;
      };
      await expect(read()).rejects.toMatchObject({
        code: 'ERR_DIGEST_MISMATCH',
        message: expect.stringContaining(wrong),
      });
      expect(received).toBeLessThan(whole.byteLength);
      expect(() => pass.result()).toThrow();
      await returned();
    },
  );

  test.each([1, 2])('that has changed by look %i fails with what the lender says', async (look) => {
    let looks = 0;
    const changed = new Error('changed');
    const { content, returned } = await lent(0, plain.byteLength, () => {
      looks += 1;
      if (looks === look) throw changed;
    });
    await expect(collect(compressionPass(content, createGzipCompressor()).stream)).rejects.toBe(changed);
    await returned();
  });

  test('that ends early fails in the words of the lender', async () => {
    const { content, returned } = await lent(1000, plain.byteLength + 1000);
    const reading = collect(compressionPass(content, createGzipCompressor()).stream);
    await expect(reading).rejects.toMatchObject({ message: 'could not be read', cause: undefined });
    await returned();
  });

  test('is given back when the reader leaves, and when the signal aborts', async () => {
    const gzip = createGzipCompressor({ blockSize: block });
    const left = await lent(0, plain.byteLength);
    for await (const _ of compressionPass(left.content, gzip).stream) break;
    await left.returned();

    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = await lent(0, plain.byteLength);
    const read = async (): Promise<void> => {
      for await (const _ of compressionPass(aborted.content, gzip, { signal: controller.signal }).stream) {
        controller.abort(reason);
      }
    };
    await expect(read()).rejects.toBe(reason);
    await aborted.returned();
  });

  test('a look that hangs does not keep an aborted reader', async () => {
    const controller = new AbortController();
    let goOn = (): void => {};
    const { content, returned } = await lent(0, plain.byteLength, () => {
      controller.abort(new Error('enough'));
      return new Promise((resolve) => {
        goOn = resolve;
      });
    });
    const pass = compressionPass(content, createGzipCompressor(), { signal: controller.signal });
    await expect(collect(pass.stream)).rejects.toThrow('enough');
    goOn();
    await returned();
  });

  test('is read as a stream where it is small, lies in no file, or the compressor has no threads for it', async () => {
    const opened: string[] = [];
    const content = (name: string, size: number): Content => ({
      ...contentOf(plain.subarray(0, size)),
      open() {
        opened.push(name);
        return contentOf(plain.subarray(0, size)).open();
      },
      lend: () => Promise.reject(new Error('lent')),
    });
    await collect(compressionPass(content('small', 1000), createGzipCompressor()).stream);
    await collect(compressionPass(content('zlib', 100_000), createGzipCompressor({ compressor: 'zlib' })).stream);
    const largest = createGzipCompressor({ blockSize: 2 * 1024 * 1024 });
    await collect(compressionPass(content('large blocks', 100_000), largest).stream);
    const { lend: _, ...memory } = content('memory', 100_000);
    await collect(compressionPass(memory, createGzipCompressor()).stream);
    expect(opened).toEqual(['small', 'zlib', 'large blocks', 'memory']);
  });
});
