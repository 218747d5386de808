import { expect, test } from 'vitest';
import { chunked, collect, noise } from '../../test/support.ts';
import { compressionPass } from '../hashing/hashing.ts';
import type { Compressor } from './compressor.ts';

test('a compressor that does not read its source to the end is not believed', async () => {
  const lazy: Compressor = {
    compression: 'gzip',
    recipe: 'first chunk only',
    async *compress(source) {
      for await (const chunk of source) {
        yield chunk;
        return;
      }
    },
  };
  const { stream, result } = compressionPass(chunked(noise(100), 10), lazy);
  await expect(collect(stream)).rejects.toThrow('read to its end');
  expect(result).toThrow('read to its end');
});

test('the signal reaches the compressor', async () => {
  const controller = new AbortController();
  const signals: unknown[] = [];
  const spy: Compressor = {
    compression: 'zstd',
    recipe: 'none',
    compress(source, options) {
      signals.push(options?.signal);
      return source;
    },
  };
  await collect(compressionPass(chunked(noise(100)), spy, { signal: controller.signal }).stream);
  expect(signals).toEqual([controller.signal]);
});
