import { afterEach, describe, expect, test } from 'vitest';
import { chunked, collect, noise } from '../../test/support.ts';
import { zstdOnThreads } from '../threads/zstd-threads.ts';
import { createZstdCompressor, isZstdAvailable } from './zstd.ts';

const webAssembly = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly') as PropertyDescriptor;

afterEach(() => {
  Object.defineProperty(globalThis, 'WebAssembly', webAssembly);
});

describe('createZstdCompressor', () => {
  test('has one recipe in every Node', () => {
    expect(isZstdAvailable()).toBe(true);
    expect(createZstdCompressor().recipe).toBe('zstd;zstd-wasm-0.0.27;level=3;block=1024k;v1');
  });

  test('is refused at once without WebAssembly', () => {
    Reflect.deleteProperty(globalThis, 'WebAssembly');
    expect(isZstdAvailable()).toBe(false);
    expect(() => createZstdCompressor()).toThrow(expect.objectContaining({ code: 'ERR_COMPRESSION_UNSUPPORTED' }));
  });
});

test('a frame is the same whatever the thread has made before, in whatever company', async () => {
  const blocks = [noise(300_000), new Uint8Array(70_000), new TextEncoder().encode('text '.repeat(50_000))];
  const alone = await Promise.all(
    blocks.map(async (block) => (await zstdOnThreads(block, [block.byteLength], 7)).made),
  );
  const order = [2, 0, 1, 1, 0, 2];
  const bytes = new Uint8Array(Buffer.concat(order.map((at) => blocks[at] as Uint8Array)));
  const sizes = order.map((at) => (blocks[at] as Uint8Array).byteLength);
  for (const level of [1, 19]) await zstdOnThreads(bytes, sizes, level);
  const together = await zstdOnThreads(bytes, sizes, 7);
  let from = 0;
  for (const [i, at] of order.entries()) {
    const frame = together.made.subarray(from, from + (together.sizes[i] as number));
    expect(Buffer.compare(frame, alone[at] as Uint8Array)).toBe(0);
    from += frame.byteLength;
  }
});

test('no bytes are one empty frame', async () => {
  const made = await collect(createZstdCompressor().compress(chunked(new Uint8Array(0))));
  expect(Buffer.from(made).toString('hex')).toBe('28b52ffd200001' + '0000');
});
