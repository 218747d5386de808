import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { gunzipSync as nodeGunzip } from 'node:zlib';
import fc from 'fast-check';
import { gunzipSync as fflateGunzip } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type BlockCompressorOptions,
  type Compressor,
  compressionPass,
  createGzipCompressor,
  decompress,
  digestBytes,
} from '../src/index.ts';
import {
  createPortableGzipCompressor,
  decompress as portableDecompress,
  compressionPass as portablePass,
} from '../src/portable.ts';
import { createZstdCompressor } from '../src/zstd/zstd.ts';
import { chunked, collect, distributions, noise, settled, stuck, watched } from './support.ts';

type Decode = (compressed: Uint8Array) => Uint8Array | Promise<Uint8Array>;

const through = (command: string, args: readonly string[]): Decode => {
  return (input) => {
    const { status, stdout, stderr } = spawnSync(command, args, { input, maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
    return stdout;
  };
};
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;

const gzipDecoders: Record<string, Decode> = {
  'node:zlib': (bytes) => nodeGunzip(bytes),
  'our decompress': (bytes) => collect(decompress(chunked(bytes, 10_000), 'gzip')),
  'our portable decompress': (bytes) => collect(portableDecompress(chunked(bytes, 10_000), 'gzip')),
  ...(has('gzip') && { 'gzip -dc': through('gzip', ['-dc']) }),
  ...(has('python3') && {
    python: through('python3', [
      '-c',
      'import gzip,sys;sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))',
    ]),
  }),
};
const zstdDecoders: Record<string, Decode> = {
  'our decompress': (bytes) => collect(decompress(chunked(bytes, 10_000), 'zstd')),
  'our portable decompress': (bytes) => collect(portableDecompress(chunked(bytes, 10_000), 'zstd')),
  ...(has('zstd') && { 'zstd -dc': through('zstd', ['-dc']) }),
};

const MiB = 1024 * 1024;

function createZlibGzipCompressor(options: BlockCompressorOptions = {}): Compressor {
  return createGzipCompressor({ ...options, compressor: 'zlib' });
}

/** fflate's one-shot function reads a single member; members are ours to cut for it. */
const singleMember: Record<string, Decode> = { 'fflate gunzipSync': (bytes) => fflateGunzip(bytes) };

describe.each([
  // name, factory, decoders, overhead allowed per block beyond the stored form, block size
  ['gzip', createGzipCompressor, { ...gzipDecoders, ...singleMember }, compressionPass, 256 * 1024, 20],
  ['zlib gzip', createZlibGzipCompressor, { ...gzipDecoders, ...singleMember }, compressionPass, 256 * 1024, 20],
  ['portable gzip', createPortableGzipCompressor, gzipDecoders, portablePass, MiB, 30],
  ['zstd', createZstdCompressor, zstdDecoders, compressionPass, MiB, 30],
] as const)('%s', (_, create, decoders, pass, defaultBlockSize, overhead) => {
  const blockSize = 64 * 1024;
  const small = create({ blockSize, level: 1 });

  const inputs = [
    new Uint8Array(0),
    noise(1),
    distributions.mixed(defaultBlockSize, 1),
    distributions.mixed(defaultBlockSize + 1, 2),
    distributions.letters(3 * defaultBlockSize - 1, 3),
    Buffer.concat(Object.values(distributions).map((make) => make(200_000, 4))),
  ];
  let outputs: Uint8Array[];

  beforeAll(async () => {
    outputs = await Promise.all(inputs.map((input) => collect(create().compress(chunked(input, 65_536)))));
  });

  test.each(Object.entries(decoders))('%s gives back what went in', async (_, decode) => {
    for (const [i, input] of inputs.entries()) {
      expect(Buffer.compare(await decode(outputs[i] as Uint8Array), input)).toBe(0);
    }
  });

  test('decompressing undoes it, whatever the content and its size up to 3 MiB', async () => {
    const kind = fc.constantFrom(...Object.values(distributions));
    await fc.assert(
      fc.asyncProperty(kind, fc.integer({ min: 0, max: 3 * MiB }), fc.nat(), async (make, size, seed) => {
        const plain = make(size, seed);
        const run = pass(chunked(plain, 50_000), create({ level: 1 }), {
          expected: { digest: digestBytes(plain), size },
        });
        const compressed = await collect(run.stream);
        const compression = create().compression;
        expect(Buffer.compare(await collect(decompress(chunked(compressed, 40_000), compression)), plain)).toBe(0);
        expect(run.result()).toEqual({
          diffID: digestBytes(plain),
          uncompressedSize: size,
          digest: digestBytes(compressed),
          size: compressed.byteLength,
        });
      }),
      { numRuns: 15 },
    );
  });

  test('neither chunks nor concurrency change the bytes', async () => {
    const plain = distributions.mixed(5 * blockSize + 4321, 5);
    const reference = await collect(create({ blockSize, level: 1, concurrency: 1 }).compress(chunked(plain)));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1000, max: 3 * blockSize }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (sizes, concurrency) => {
          const compressor = create({ blockSize, level: 1, concurrency });
          expect(compressor.recipe).toBe(small.recipe);
          const compressed = await collect(compressor.compress(chunked(plain, ...sizes)));
          expect(Buffer.compare(compressed, reference)).toBe(0);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('empty chunks are nothing', async () => {
    const plain = noise(100);
    const reference = await collect(small.compress(chunked(plain)));
    expect(await collect(small.compress(chunked(plain, 0, 60, 0, 0, 50)))).toEqual(reference);
  });

  test('a source that reuses its buffer does no harm', async () => {
    async function* reusing(): AsyncGenerator<Uint8Array, void, void> {
      const buffer = new Uint8Array(2 * blockSize);
      for (const letter of [1, 2, 3]) yield buffer.fill(letter);
    }
    const plain = Buffer.concat([1, 2, 3].map((letter) => Buffer.alloc(2 * blockSize, letter)));
    expect(await collect(small.compress(reusing()))).toEqual(await collect(small.compress(chunked(plain))));
  });

  test('noise does not grow by more than the framing', async () => {
    for (const size of [1, 100, blockSize, 3 * blockSize + 17]) {
      const compressed = await collect(small.compress(chunked(noise(size))));
      expect(compressed.byteLength).toBeLessThanOrEqual(size + overhead * (Math.ceil(size / blockSize) + 1));
    }
  });

  test('chunks are worth sending, even where blocks shrink to nothing', async () => {
    const plain = Buffer.concat([noise(3 * blockSize), new Uint8Array(20 * MiB), noise(3 * blockSize)]);
    const sizes: number[] = [];
    for await (const chunk of small.compress(chunked(plain, MiB))) sizes.push(chunk.byteLength);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(32 * 1024);
  });

  test('nothing is read before the first chunk is asked for', async () => {
    const source = watched(noise(blockSize));
    pass(source, small);
    await settled();
    expect(source.opened).toBe(0);
  });

  test('a slow consumer bounds what is read: two blocks per worker, and what the chunk being cut holds', async () => {
    const source = watched(noise(blockSize));
    const concurrency = 2;
    const reading = create({ blockSize, concurrency }).compress(source)[Symbol.asyncIterator]();
    for (let taken = 1; taken <= 10; taken += 1) {
      await reading.next();
      await settled();
      expect(source.given - taken).toBeLessThanOrEqual(2 * concurrency + 1);
    }
    await reading.return?.();
    expect(source.closed).toBe(1);
  });

  test('leaving early closes the source', async () => {
    const source = watched(noise(blockSize));
    const { stream, result } = pass(source, small);
    for await (const chunk of stream) if (chunk.byteLength > 0) break;
    expect(source.closed).toBe(1);
    expect(result).toThrow('read to its end');
  });

  test('an abort while chunks flow closes the source and gives its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const source = watched(noise(blockSize));
    const reading = (async () => {
      let chunks = 0;
      for await (const chunk of pass(source, small, { signal: controller.signal }).stream) {
        if (chunk.byteLength > 0) chunks += 1;
        if (chunks === 3) controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await settled();
    expect(source.closed).toBe(1);
  });

  test('a pass that ends, fails or is left leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    await collect(pass(chunked(noise(1000)), small, { signal }).stream);
    const expected = { digest: digestBytes(noise(1)) };
    await expect(collect(pass(chunked(noise(1000)), small, { signal, expected }).stream)).rejects.toThrow();
    for await (const chunk of pass(watched(noise(blockSize)), small, { signal }).stream)
      if (chunk.byteLength > 0) break;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('an abort ends the wait for a source that is stuck', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = collect(pass(stuck(), small, { signal: controller.signal }).stream);
    await settled();
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  test('a signal that has aborted already opens nothing', async () => {
    const source = watched(noise(10));
    const reason = new Error('enough');
    await expect(collect(small.compress(source, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(source.opened).toBe(0);
  });

  test('an error of the source comes through as it is', async () => {
    const failure = new Error('disk on fire');
    async function* failing(): AsyncGenerator<Uint8Array, void, void> {
      yield noise(3 * blockSize);
      throw failure;
    }
    await expect(collect(pass(failing(), small).stream)).rejects.toBe(failure);
  });

  test('content that is not what was expected never comes to an end', async () => {
    const plain = noise(3 * blockSize);
    const wrong = digestBytes(noise(1));
    const digest = digestBytes(plain);
    for (const [expected, code] of [
      [{ digest: wrong }, 'ERR_DIGEST_MISMATCH'],
      [{ digest, size: plain.byteLength - 1 }, 'ERR_SIZE_MISMATCH'],
      [{ digest, size: plain.byteLength + 1 }, 'ERR_SIZE_MISMATCH'],
    ] as const) {
      const { stream, result } = pass(chunked(plain, 10_000), small, { expected });
      await expect(collect(stream)).rejects.toMatchObject({ name: 'ContentMismatchError', code });
      expect(result).toThrow('read to its end');
    }
  });

  test('the diffID is in the algorithm that was expected', async () => {
    const plain = noise(1000);
    const expected = { digest: digestBytes(plain, 'sha512') };
    const { stream, result } = pass(chunked(plain), small, { expected });
    await collect(stream);
    expect(result().diffID).toBe(expected.digest);
    expect(result().digest).toMatch(/^sha256:/);
  });

  test('the recipe names level and block size, and not the cores', () => {
    expect(create({ level: 3, blockSize: 512 * 1024 }).recipe).toMatch(/;level=3;block=512k;v1$/);
    expect(create({ concurrency: 7 }).recipe).toBe(create().recipe);
    expect(create().recipe).not.toContain('undefined');
  });

  test.each([
    ['level', 0],
    ['level', 20],
    ['level', 1.5],
    ['blockSize', 1024],
    ['blockSize', 32 * 1024 + 1],
    ['blockSize', 17 * MiB],
    ['concurrency', 0],
    ['concurrency', Number.NaN],
  ])('%s of %d is refused', (name, value) => {
    expect(() => create({ [name]: value })).toThrow(RangeError);
  });

  test('undefined options mean the defaults', () => {
    const explicit = create({ level: undefined, blockSize: undefined, concurrency: undefined });
    expect(explicit.recipe).toBe(create().recipe);
    expect(create().recipe).toContain(`block=${defaultBlockSize / 1024}k`);
  });
});
