import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openSource } from '@slipway/image-source';
import {
  multiPlatformImage,
  randomImage,
  requireTool,
  runTool,
  skopeo,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { type ImageStore, openImageStore } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);
const image = await randomImage({ seed: 'tools', layers: [{ size: 100_000 }, {}] });

async function loaded(...paths: readonly string[]): Promise<ImageStore> {
  const store = await openImageStore({ folder: at('store') });
  for (const path of paths) {
    await using source = await openSource(path);
    await store.load(source);
  }
  return store;
}

async function run(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await skopeo(args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

describe.skipIf(requireTool('skopeo'))('skopeo reads the folder as it stands', () => {
  test('an image of a docker archive, by its familiar name', async () => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1', 'alpine:3'] }]);
    await using store = await loaded(at('image.tar'));
    const inspected = JSON.parse(await run(['inspect', `oci:${store.folder}:demo/app:v1`]));
    expect(inspected.Layers).toEqual(image.layers.map(({ diffID }) => diffID));
    await run(['copy', `oci:${store.folder}:alpine:3`, `dir:${at('copy')}`]);
    const manifest = JSON.parse(await readFile(at('copy/manifest.json'), 'utf8'));
    expect(manifest.config.digest).toBe(image.imageID);
    const config = await readFile(at(`copy/${image.imageID.slice('sha256:'.length)}`));
    expect(config.equals(image.configBytes)).toBe(true);
  });

  test('an index, with all of its platforms', async () => {
    const platforms = await multiPlatformImage([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
    const { entries } = await writeOciLayout(at('layout'), [{ content: platforms, refName: 'demo/multi:v1' }]);
    await using store = await loaded(at('layout'));
    const raw = await run(['inspect', '--raw', `oci:${store.folder}:demo/multi:v1`]);
    expect(raw).toBe(await readFile(at(`layout/blobs/sha256/${entries[0]!.digest.slice(7)}`), 'utf8'));
    await run(['copy', '--all', `oci:${store.folder}:demo/multi:v1`, `oci:${at('copy')}:v1`]);
  });

  test('what it writes into the folder does not disturb the store', async () => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    await using store = await loaded(at('image.tar'));
    await run(['copy', `oci:${store.folder}:demo/app:v1`, `oci:${store.folder}:theirs`]);
    await store.collectGarbage({ graceMs: 0 });
    expect((await store.list()).map(({ tags }) => tags)).toEqual([['demo/app:v1']]);
    await run(['inspect', `oci:${store.folder}:theirs`]);
  });

  test('an archive that save wrote, in both of its formats', async () => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    await using store = await loaded(at('image.tar'));
    await pipeline(await store.save(['demo/app:v1']), createWriteStream(at('saved.tar')));
    const docker = JSON.parse(await run(['inspect', `docker-archive:${at('saved.tar')}:demo/app:v1`]));
    expect(docker.Layers).toEqual(image.layers.map(({ diffID }) => diffID));
    await run(['inspect', `oci-archive:${at('saved.tar')}:v1`]);
  });
});

test.skipIf(requireTool('umoci'))('umoci unpacks an image out of the folder as it stands', async () => {
  await writeDockerArchive(at('image.tar'), [{ image, references: ['alpine:3'] }]);
  await using store = await loaded(at('image.tar'));
  const { stdout, code } = await runTool('umoci', ['ls', '--layout', store.folder]);
  expect(code).toBe(0);
  expect(stdout.trim()).toBe('alpine:3');
});
