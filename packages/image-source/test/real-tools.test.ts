import { execFile, execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { digestBytes } from '@slipway/digest';
import { multiPlatformImage, randomImage, type TestImage, writeOciLayout } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { ImageSource, SourceImage } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);
const folder = temporaryFolder();

/** In CI a missing tool is a failure; elsewhere its tests are skipped, and the report says which tool was missing. */
function isMissing(tool: string): boolean {
  const { CI } = process.env;
  if (CI === 'true') return false;
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

function imageOf(source: ImageSource, at = 0): SourceImage {
  const item = source.items[at];
  if (item?.kind !== 'image') throw new Error(`expected an image, got ${item?.kind}`);
  return item;
}

async function expectSame(found: SourceImage, image: TestImage): Promise<void> {
  expect(found.config.digest).toBe(image.imageID);
  expect(found.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
  for (const { content, descriptor, diffID, compression } of found.layers) {
    const digest = digestBytes(await bytesOf(content!));
    expect(digest).toBe(compression === 'none' ? diffID : descriptor!.digest);
  }
}

describe.skipIf(isMissing('skopeo'))('what skopeo writes (skipped where it is not installed)', () => {
  async function copied(image: TestImage, to: string): Promise<void> {
    const layout = join(folder(), 'in');
    await writeOciLayout(layout, [{ content: image, refName: 'in' }]);
    await run('skopeo', ['copy', '--quiet', '--insecure-policy', `oci:${layout}:in`, to]);
  }

  const image = (): Promise<TestImage> =>
    randomImage({ layers: [{ seed: 1 }, { seed: 2, size: 300_000 }, { seed: 3 }] });

  test('as docker-archive', async () => {
    const path = join(folder(), 'docker.tar');
    await copied(await image(), `docker-archive:${path}:example.com/app:v1`);
    await using source = await openSource(path);
    expect(source.kind).toBe('docker-archive');
    expect(imageOf(source).names).toEqual(['example.com/app:v1']);
    await expectSame(imageOf(source), await image());
  });

  test('as oci', async () => {
    const path = join(folder(), 'out');
    await copied(await image(), `oci:${path}:v1`);
    await using source = await openSource(`oci:${path}:v1`);
    expect(imageOf(source).names).toEqual(['v1']);
    await expectSame(imageOf(source), await image());
  });

  test('as oci, with zstd layers', async () => {
    const path = join(folder(), 'out');
    const layout = join(folder(), 'in');
    await writeOciLayout(layout, [{ content: await image(), refName: 'in' }], { layerCompression: 'none' });
    const options = ['--quiet', '--insecure-policy', '--dest-compress-format', 'zstd', '--dest-compress'];
    await run('skopeo', ['copy', ...options, `oci:${layout}:in`, `oci:${path}:v1`]);
    await using source = await openSource(path);
    expect(imageOf(source).layers.map(({ compression }) => compression)).toEqual(['zstd', 'zstd', 'zstd']);
    await expectSame(imageOf(source), await image());
  });

  test('as oci-archive', async () => {
    const path = join(folder(), 'oci.tar');
    await copied(await image(), `oci-archive:${path}:v1`);
    await using source = await openSource(path);
    expect(source.kind).toBe('oci-archive');
    await expectSame(imageOf(source), await image());
  });

  test('of several platforms as oci-archive', async () => {
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    const images = await multiPlatformImage(platforms);
    const layout = join(folder(), 'in');
    const path = join(folder(), 'oci.tar');
    await writeOciLayout(layout, [{ content: images, refName: 'in' }]);
    await run('skopeo', [
      'copy',
      '--quiet',
      '--all',
      '--insecure-policy',
      `oci:${layout}:in`,
      `oci-archive:${path}:v1`,
    ]);
    await using source = await openSource(path);
    const [index] = source.items;
    if (index?.kind !== 'index') throw new Error('expected an index');
    expect(index.children.map(({ item }) => item.kind)).toEqual(['image', 'image']);
    expect(index.children.map(({ item }) => item.kind === 'image' && item.platform)).toEqual(platforms);
  });
});

describe.skipIf(isMissing('umoci'))('what umoci writes (skipped where it is not installed)', () => {
  test('into a layout, tag by tag', async () => {
    const layout = join(folder(), 'layout');
    const file = join(folder(), 'file');
    await writeFile(file, 'hello');
    await run('umoci', ['init', '--layout', layout]);
    await run('umoci', ['new', '--image', `${layout}:v1`]);
    await run('umoci', ['insert', '--rootless', '--image', `${layout}:v1`, file, '/file']);
    await run('umoci', ['tag', '--image', `${layout}:v1`, 'v2']);
    await using source = await openSource(layout);
    expect(imageOf(source).names).toEqual(['v1', 'v2']);
    const [layer] = imageOf(source).layers;
    expect(layer!.compression).toBe('gzip');
    expect(digestBytes(await bytesOf(layer!.content!))).toBe(layer!.descriptor!.digest);
  });
});

describe.skipIf(isMissing('tar'))('what GNU tar makes of a layout (skipped where it is not installed)', () => {
  test.each(['gnu', 'posix', 'ustar', 'pax'])('in %s format', async (format) => {
    const layout = join(folder(), 'layout');
    const deep = join(layout, 'a-folder/'.repeat(14));
    await mkdir(deep, { recursive: true });
    await writeFile(join(deep, 'a-long-name'), 'x');
    const image = await randomImage();
    await writeOciLayout(layout, [{ content: image, refName: 'v1' }]);
    const path = join(folder(), 'out.tar');
    await run('tar', ['--format', format, '-C', layout, '-cf', path, '.']);
    await using source = await openSource(path);
    await expectSame(imageOf(source), image);
  });
});
