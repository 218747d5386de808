import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ByteStream, digestBytes } from '@slipway/digest';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { type TarEntry, tarBytes, tarHeader, writeStream } from '../src/images/tar-format.ts';
import {
  multiPlatformImage,
  randomImage,
  randomLayer,
  requireTool,
  runTool,
  seededRandom,
  temporaryFolder,
} from '../src/index.ts';

async function collect(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** What an independent reader finds in an archive: name, type, size and link. */
async function entriesOf(archive: ByteStream): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  for await (const entry of Readable.from(archive).pipe(extract())) {
    const { name, type, size, linkname } = entry.header;
    let seen = 0;
    for await (const chunk of entry as AsyncIterable<Uint8Array>) seen += chunk.byteLength;
    expect(seen).toBe(size);
    entries.push([name, type, size, linkname ?? null]);
  }
  return entries;
}

describe('seededRandom', () => {
  test('is the same for the same seed, on every machine and in every version', () => {
    expect(digestBytes(seededRandom('slipway').bytes(10_000))).toBe(
      'sha256:6896a35eff96ce82fd79f4743c30658f09ff02cd1d7f42a283d85f12dfa6ec89',
    );
    expect(digestBytes(seededRandom('other').bytes(10_000))).not.toBe(
      digestBytes(seededRandom('slipway').bytes(10_000)),
    );
  });

  test.each([1, 2, 10, 2 ** 32])('integers stay below %d', (limit) => {
    const random = seededRandom(limit);
    const numbers = Array.from({ length: 1000 }, () => random.integer(limit));
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < limit)).toBe(true);
    expect(new Set(numbers).size).toBeGreaterThan(Math.min(limit, 900) - 1);
  });

  test('fill goes on where the last one ended', () => {
    const [whole, parts] = [seededRandom(1).bytes(64), seededRandom(1)];
    const [first, second] = [new Uint8Array(32), parts.bytes(0)];
    parts.fill(first);
    expect([first, second.byteLength, parts.bytes(32)]).toEqual([whole.subarray(0, 32), 0, whole.subarray(32)]);
  });
});

describe('randomLayer', () => {
  test('is the same for the same options, and told by its diffID', async () => {
    const layer = await randomLayer({ seed: 1 });
    const bytes = await collect(layer.tar.open());
    expect([bytes.byteLength, digestBytes(bytes)]).toEqual([layer.size, layer.diffID]);
    expect(layer.diffID).toBe('sha256:70e849203fc3e2382dc46af1408054008909ee478a4e1db854078157b2e08a27');
    expect((await randomLayer({ seed: 2 })).diffID).not.toBe(layer.diffID);
  });

  test('has directories, files, links and a long name', async () => {
    const layer = await randomLayer({ seed: 1, size: 100_001, files: 3 });
    const entries = await entriesOf(layer.tar.open());
    const root = (entries[0] as [string])[0];
    expect(entries).toEqual([
      [root, 'directory', 0, null],
      [`${root}${'a-folder-with-a-long-name/'.repeat(5)}`, 'directory', 0, null],
      [`${root}file-0.bin`, 'file', 33_334, null],
      [`${root}${'a-folder-with-a-long-name/'.repeat(5)}file-1.bin`, 'file', 33_334, null],
      [`${root}file-2.bin`, 'file', 33_333, null],
      [`${root}link`, 'symlink', 0, 'file-0.bin'],
      [`${root}hard-link`, 'link', 0, `${root}file-0.bin`],
    ]);
  });

  test.skipIf(requireTool('tar'))('is an archive for GNU tar', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'layer.tar');
    await writeStream(path, (await randomLayer()).tar.open());
    expect(await runTool('tar', ['-xf', path, '-C', folder.path])).toEqual({ stdout: '', stderr: '', code: 0 });
  });

  test.each(['text', 'random', 'zeros'] as const)('of %s can be opened anywhere', async (kind) => {
    const { tar } = await randomLayer({ kind, size: 200_000 });
    const whole = await collect(tar.open());
    for (const from of [0, 1, 511, 512, 513, 65_536, 70_000, 140_001, whole.byteLength - 1, whole.byteLength]) {
      expect(Buffer.compare(await collect(tar.open({ from })), whole.subarray(from)), `from ${from}`).toBe(0);
    }
  });

  test.each([
    ['text', 0.3, 0.45],
    ['random', 0.95, 1.05],
    ['zeros', 0, 0.05],
  ] as const)('of %s compresses as promised', async (kind, low, high) => {
    const { gzipSync } = await import('node:zlib');
    const bytes = await collect((await randomLayer({ kind, size: 1_000_000 })).tar.open());
    const ratio = gzipSync(bytes).byteLength / bytes.byteLength;
    expect(ratio).toBeGreaterThan(low);
    expect(ratio).toBeLessThan(high);
  });

  test('stops when its signal says so', async () => {
    const controller = new AbortController();
    const layer = await randomLayer({ size: 1_000_000 });
    const reading = (async () => {
      for await (const _ of layer.tar.open({ signal: controller.signal })) controller.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
  });

  test('without files there is no layer', async () => {
    await expect(randomLayer({ files: 0 })).rejects.toThrow(RangeError);
  });
});

describe('randomImage', () => {
  test('is the same for the same options', async () => {
    expect((await randomImage({ seed: 'a' })).imageID).toBe(
      'sha256:e00239f3a074b44a32b8808302bfed5611c1d6d4220a2ffabd1617a3ba0b2fc6',
    );
    expect((await randomImage({ seed: 'b' })).imageID).not.toBe((await randomImage({ seed: 'a' })).imageID);
  });

  test('shares the layers it is given', async () => {
    const base = await randomImage({ seed: 'base' });
    const image = await randomImage({ layers: [...base.layers, { size: 10 }] });
    expect(image.layers.slice(0, 2)).toEqual(base.layers);
  });

  test('has a config that fits its layers', async () => {
    const image = await randomImage({
      layers: [{}, {}, {}],
      emptySteps: 2,
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    });
    const config = JSON.parse(new TextDecoder().decode(image.configBytes));
    expect(config).toMatchObject({ os: 'linux', architecture: 'arm', variant: 'v7', config: { Cmd: ['/bin/sh'] } });
    expect(config.rootfs.diff_ids).toEqual(image.layers.map(({ diffID }) => diffID));
    const steps: { empty_layer?: boolean }[] = config.history;
    expect(steps.map(({ empty_layer }) => empty_layer ?? false)).toEqual([false, false, false, true, true]);
  });

  test('one a platform, each its own', async () => {
    const images = await multiPlatformImage([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
    expect(images.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
    expect(new Set(images.flatMap(({ layers }) => layers.map(({ diffID }) => diffID))).size).toBe(4);
  });
});

describe('a tar header', () => {
  test.each([
    ['a short name', { name: 'a', type: 'file' }],
    ['exactly 100 bytes', { name: 'a'.repeat(100), type: 'file' }],
    ['101 bytes', { name: 'a'.repeat(101), type: 'file' }],
    ['bytes beyond ASCII', { name: 'é'.repeat(60), type: 'file' }],
    ['a long target', { name: 'a', type: 'symlink', target: '../'.repeat(50) }],
    ['a pax record whose length grows with itself', { name: 'a'.repeat(990), type: 'file' }],
  ] as const)('of %s is understood', async (_, entry) => {
    const [found] = (await entriesOf(tarBytes([entry as TarEntry]))) as [[string, string, number, string | null]];
    expect([found[0], found[3]]).toEqual([entry.name, 'target' in entry ? entry.target : null]);
  });

  test('of a file beyond 8 GiB has its size in base 256', async () => {
    const size = 9 * 1024 ** 3 + 1;
    const header = tarHeader({ name: 'large', type: 'file', content: { size, open: () => Readable.from([]) } });
    const reading = extract();
    const found = await new Promise((resolve) => {
      reading.once('entry', (entry) => resolve(entry.size));
      reading.write(header);
    });
    reading.destroy();
    expect(found).toBe(size);
  });
});
