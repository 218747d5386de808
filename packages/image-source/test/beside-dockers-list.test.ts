import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import type { SourceNotice } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import {
  blobOf,
  describe as describeBlob,
  dockerArchiveOf,
  type HandmadeBlob,
  indexOf,
  soundDocker,
  soundOci,
  types,
} from './handmade-image.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const left = 'platforms-left-out';

/** What is told of an archive of both kinds, whose index names three manifests and whose blobs are those of `held`. */
async function noticesOf(held: readonly string[], transport = ''): Promise<readonly SourceNotice[]> {
  const manifests = ['amd64', 'arm64', 'unknown'].map((architecture) => {
    const os = architecture === 'unknown' ? 'unknown' : 'linux';
    const blob = blobOf(architecture);
    return {
      architecture,
      blob,
      descriptor: describeBlob(blob, mediaTypes.ociManifest, { platform: { os, architecture } }),
    };
  });
  const index = blobOf({ schemaVersion: 2, manifests: manifests.map(({ descriptor }) => descriptor) });
  const list = { schemaVersion: 2, manifests: [describeBlob(index, mediaTypes.ociIndex)] };
  const blobs = [index, ...manifests.filter(({ architecture }) => held.includes(architecture)).map(({ blob }) => blob)];
  const path = join(folder(), `${held.join('-')}.tar`);
  const members = blobs.map(({ digest, bytes }) => ({ name: `blobs/${digest.replace(':', '/')}`, data: bytes }));
  await writeFile(path, dockerArchiveOf({}, { name: 'index.json', data: JSON.stringify(list) }, ...members));
  const notices: SourceNotice[] = [];
  await using source = await openSource(`${transport}${path}`, { onNotice: (notice) => notices.push(notice) });
  expect(source.kind).toBe('docker-archive');
  return notices;
}

test('an archive of both kinds whose layout has several platforms says so', async () => {
  const [notice, ...others] = await noticesOf(['amd64', 'arm64', 'unknown']);
  expect(others).toEqual([]);
  expect(notice?.code).toBe('platforms-left-out');
  expect(notice?.message).toMatch(/for linux\/amd64, linux\/arm64, and .* write oci-archive:\S+\.tar for all$/);
});

test.each([
  ['one platform and an attestation are there', ['amd64', 'unknown'], ''],
  ['nothing but the index is there', [], ''],
  ['a docker archive was asked for', ['amd64', 'arm64'], 'docker-archive:'],
])('nothing is said where %s', async (_, held, transport) => {
  expect(await noticesOf(held, transport)).toEqual([]);
});

describe('an archive of both kinds, whose layout has an image for each of two platforms', () => {
  const sound = soundOci();
  const arm = { ...(soundDocker.config as object), architecture: 'arm64' };
  const armConfig = blobOf(arm);
  const armManifest = blobOf({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describeBlob(armConfig, types.config),
    layers: [describeBlob(sound.layer, types.layer)],
  });
  const platformOf = (architecture: string): object => ({ platform: { os: 'linux', architecture } });
  const index = blobOf(
    indexOf(
      describeBlob(sound.manifest, types.manifest, platformOf('amd64')),
      describeBlob(armManifest, types.manifest, platformOf('arm64')),
    ),
  );
  const list = { schemaVersion: 2, manifests: [describeBlob(index, types.index)] };
  const all = [index, sound.layer, sound.config, sound.manifest, armConfig, armManifest];

  test.each<[string, 'index' | 'image', string, readonly HandmadeBlob[], unknown, readonly string[]]>([
    ['all of it is there', 'index', '', all, soundDocker.config, []],
    ['docker’s was asked for', 'image', 'docker-archive:', all, soundDocker.config, []],
    ['one of its images is not there', 'image', '', all.filter((blob) => blob !== armManifest), soundDocker.config, []],
    ['a config is not there', 'image', '', all.filter((blob) => blob !== armConfig), soundDocker.config, [left]],
    ['docker’s list has another image', 'image', '', all, { ...arm, architecture: 'riscv64' }, [left]],
  ])('%s: it is read as an %s', async (name, kind, transport, blobs, config, told) => {
    const path = join(folder(), `both-${name.length}.tar`);
    const members = blobs.map(({ digest, bytes }) => ({ name: `blobs/${digest.replace(':', '/')}`, data: bytes }));
    const layout = { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' };
    await writeFile(
      path,
      dockerArchiveOf({ config }, layout, { name: 'index.json', data: JSON.stringify(list) }, ...members),
    );
    const notices: string[] = [];
    await using source = await openSource(`${transport}${path}`, { onNotice: ({ code }) => notices.push(code) });
    expect([source.items[0]?.kind, notices]).toEqual([kind, told]);
  });
});

test('an index.json that cannot be read is no reason to fail', async () => {
  const path = join(folder(), 'odd.tar');
  await writeFile(path, dockerArchiveOf({}, { name: 'index.json', data: '{"manifests":[null,{"digest":1}]' }));
  await using source = await openSource(path);
  expect(source.items).toHaveLength(1);
});
