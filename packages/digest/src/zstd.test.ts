import * as zlib from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chunked, collect, noise } from '../test/support.ts';

const webAssembly = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly') as PropertyDescriptor;
const isNative = 'zstdCompress' in zlib;

/** The module as it is in a Node without zstd. */
async function withoutNativeZstd(): Promise<typeof import('./zstd.ts')> {
  vi.resetModules();
  vi.doMock('node:zlib', async (original) => ({ ...(await original<typeof zlib>()), zstdCompress: undefined }));
  return import('./zstd.ts');
}

afterEach(() => {
  vi.doUnmock('node:zlib');
  vi.doUnmock('@bokuweb/zstd-wasm');
  Object.defineProperty(globalThis, 'WebAssembly', webAssembly);
});

describe('createZstdCompressor', () => {
  test('uses node:zlib where it knows zstd, and WebAssembly elsewhere', async () => {
    const { createZstdCompressor, isZstdAvailable } = await import('./zstd.ts');
    expect(isZstdAvailable()).toBe(true);
    const library = isNative ? /^zstd;libzstd-\d/ : /^zstd;zstd-wasm-\d/;
    expect(createZstdCompressor().recipe).toMatch(library);
    const fallback = await withoutNativeZstd();
    expect(fallback.isZstdAvailable()).toBe(true);
    expect(fallback.createZstdCompressor().recipe).toBe('zstd;zstd-wasm-0.0.27;level=3;block=1024k;v1');
  });

  test('is refused at once where there is neither', async () => {
    const { createZstdCompressor, isZstdAvailable } = await withoutNativeZstd();
    Reflect.deleteProperty(globalThis, 'WebAssembly');
    expect(isZstdAvailable()).toBe(false);
    expect(() => createZstdCompressor()).toThrow(expect.objectContaining({ code: 'ERR_COMPRESSION_UNSUPPORTED' }));
  });

  test('is refused out of the stream where the fallback cannot be loaded', async () => {
    vi.doMock('@bokuweb/zstd-wasm', () => ({
      init: () => Promise.reject(new Error('zstd.wasm is missing')),
      compress: undefined,
    }));
    const { createZstdCompressor } = await withoutNativeZstd();
    await expect(collect(createZstdCompressor().compress(chunked(noise(10))))).rejects.toMatchObject({
      code: 'ERR_COMPRESSION_UNSUPPORTED',
      cause: { message: 'zstd.wasm is missing' },
    });
  });
});
