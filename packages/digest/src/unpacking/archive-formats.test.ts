import { execFile, execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked, collect, distributions, noise, watched } from '../../test/support.ts';
import { decompress } from './decompress.ts';
import { decompress as decompressPortably } from './portable-decompress.ts';

const hello = Buffer.from('hello, world! '.repeat(20));
const corrupt = { name: 'CompressionError', code: 'ERR_COMPRESSION_CORRUPT' };

/** What xz and bzip2 make of {@link hello}. */
const samples = {
  xz: Buffer.from(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AEXABVdADQZSe6N74xrypVZEASwaBQEtEYAAAAAAADSBpkDT87ZbgABMZgCAAAAj6QMR7HEZ/sCAAAAAARZWg==',
    'base64',
  ),
  bzip2: Buffer.from('QlpoOTFBWSZTWdTPRMIAAEWRgGAEBkSQgCAAUIAYBSqDNI6J2TwmEwmE2ThOE9E+Jsmifi7kinChIameiYQ=', 'base64'),
} as const;

/** In CI a missing tool is a failure; elsewhere its tests are skipped, and the report says which tool was missing. */
function isMissing(tool: string): boolean {
  if (process.env['CI'] === 'true') return false;
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

function piped(tool: string, options: readonly string[], input: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settings = { encoding: 'buffer', maxBuffer: 2 ** 30 } as const;
    const child = execFile(tool, ['-c', ...options], settings, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin?.end(input);
  });
}

describe.each(['xz', 'bzip2'] as const)('%s', (compression) => {
  const sample = samples[compression];
  const plainOf = (bytes: Uint8Array, ...sizes: number[]): Promise<Uint8Array> =>
    collect(decompress(chunked(bytes, ...sizes), compression));

  test('is decompressed, however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        expect(Buffer.compare(await plainOf(sample, ...sizes), hello)).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test('of several streams behind each other, all are decompressed', async () => {
    const all = Buffer.concat([sample, sample, sample]);
    expect(Buffer.compare(await plainOf(all, 50), Buffer.concat([hello, hello, hello]))).toBe(0);
  });

  test('that was cut anywhere is refused', async () => {
    for (let size = 0; size < sample.byteLength; size += 1) {
      // Nothing at all is no stream of either kind; an archive is recognised by its first bytes anyway.
      if (size === 0 && compression === 'xz') continue;
      await expect(plainOf(sample.subarray(0, size)), `${size} bytes`).rejects.toMatchObject(corrupt);
    }
  });

  test('with a bit turned over is refused', async () => {
    for (let at = 0; at < sample.byteLength - 1; at += 1) {
      const damaged = Uint8Array.from(sample, (byte, i) => (i === at ? byte ^ 1 : byte));
      const outcome = plainOf(damaged).then(
        (plain) => Buffer.compare(plain, hello) === 0,
        (error: { readonly name: string }) => error.name === 'CompressionError',
      );
      expect(await outcome, `byte ${at}`).toBe(true);
    }
  });

  test('followed by something else is refused', async () => {
    const all = Buffer.concat([sample, Buffer.from('something else, longer than a header')]);
    await expect(plainOf(all)).rejects.toMatchObject(corrupt);
  });

  test('more than is allowed is refused before it is handed out', async () => {
    const limited = decompress(chunked(sample), compression, { maxBytes: 100 });
    await expect(collect(limited)).rejects.toMatchObject({ code: 'ERR_COMPRESSION_TOO_LARGE' });
  });

  test('whoever leaves early closes the source', async () => {
    const source = watched(sample, 5);
    for await (const chunk of decompress(source, compression)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(source.closed).toBe(1);
  });

  test('needs Node', () => {
    expect(() => decompressPortably(chunked(sample), compression)).toThrow(
      expect.objectContaining({ code: 'ERR_COMPRESSION_UNSUPPORTED' }),
    );
  });

  describe.skipIf(isMissing(compression))('as the program writes it (skipped where it is not installed)', () => {
    const plain = Buffer.concat([noise(250_000), distributions.letters(150_000, 1), Buffer.alloc(400_000)]);

    test.each(['-1', '-9'])('at level %s', async (level) => {
      const compressed = await piped(compression, [level], plain);
      expect(Buffer.compare(await plainOf(compressed, 100_000), plain)).toBe(0);
    });
  });
});

describe.skipIf(isMissing('xz'))('xz of other kinds (skipped where xz is not installed)', () => {
  const plain = Buffer.from(noise(300_000));

  test.each([
    ['in blocks', ['--block-size=64KiB', '-T2']],
    ['without a check', ['--check=none']],
    ['with CRC-32', ['--check=crc32']],
  ])('%s', async (_name, options) => {
    const compressed = await piped('xz', options, plain);
    const padded = Buffer.concat([compressed, Buffer.alloc(8), compressed, Buffer.alloc(4)]);
    expect(Buffer.compare(await collect(decompress(chunked(padded, 9999), 'xz')), Buffer.concat([plain, plain]))).toBe(
      0,
    );
  });

  test.each([
    ['a larger dictionary', ['--lzma2=dict=128MiB']],
    ['a check of SHA-256', ['--check=sha256']],
  ])('%s is told, not taken for damage', async (_name, options) => {
    const compressed = await piped('xz', options, plain);
    await expect(collect(decompress(chunked(compressed), 'xz'))).rejects.toMatchObject({
      code: 'ERR_COMPRESSION_UNSUPPORTED',
    });
  });
});

describe.each([
  ['node:zlib', decompress],
  ['portable', decompressPortably],
])('gzip with something behind it, %s', (_, decompress) => {
  const ignoring = { surplus: 'ignore' } as const;
  const plain = Buffer.concat([hello, noise(200_000)]);
  // A name, a comment, extra fields and a checksum of the header: each is skipped.
  const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 2, 0, 9, 9, 0x61, 0, 0x62, 0, 7, 7]);
  const dressed = Buffer.concat([header, gzipSync(hello).subarray(10)]);

  const wrongChecksum = Buffer.from(gzipSync(hello));
  wrongChecksum.writeUInt32LE(1, wrongChecksum.byteLength - 8);

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from('x')],
    ['padding of a tape', Buffer.alloc(10_240)],
    ['text', Buffer.from('this is no gzip member at all')],
    ['the beginning of a header', Buffer.from([0x1f])],
    ['noise for longer than anything is kept', noise(300_000, 7)],
  ])('%s is ignored where that is wanted', async (_name, surplus) => {
    const all = Buffer.concat([gzipSync(hello), dressed, gzipSync(plain), surplus]);
    for (const sizes of [[], [1000], [13]]) {
      const read = await collect(decompress(chunked(all, ...sizes), 'gzip', ignoring));
      expect(Buffer.compare(read, Buffer.concat([hello, hello, plain]))).toBe(0);
    }
  });

  test.each([
    ['what is no gzip', Buffer.from('this is no gzip member at all')],
    ['a header alone', gzipSync(hello).subarray(0, 10)],
    ['a member cut short', gzipSync(plain).subarray(0, -1)],
    ['a damaged second member', Buffer.concat([gzipSync(hello), gzipSync(hello).fill(0xff, 12, 20)])],
    ['a wrong checksum', wrongChecksum],
    ['a wrong checksum before padding', Buffer.concat([wrongChecksum, Buffer.alloc(512)])],
    ['zeros that are no gzip', Buffer.alloc(1024)],
    ['a second header of another method', Buffer.concat([gzipSync(hello), Buffer.from([0x1f, 0x8b, 9, 0, 0, 0])])],
  ])('%s is still refused', async (_name, bytes) => {
    await expect(collect(decompress(chunked(bytes), 'gzip', ignoring))).rejects.toMatchObject(corrupt);
  });
});
