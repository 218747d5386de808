import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import type { SourceImage } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import { type HandmadeMember, tarOf } from './handmade-tar.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const base = 'a'.repeat(64);
const middle = 'b'.repeat(64);
const top = 'c'.repeat(64);

const layerOf = (text: string): Buffer => tarOf({ name: text, data: text });

function imageOf(
  id: string,
  parent: string | undefined,
  extra: object = {},
  layer: Uint8Array = layerOf(id),
): HandmadeMember[] {
  const json = JSON.stringify({
    id,
    parent,
    created: '2015-03-09T00:00:00.120Z',
    os: 'linux',
    architecture: 'amd64',
    ...extra,
  });
  return [
    { name: `${id}/`, type: '5' },
    { name: `${id}/VERSION`, data: '1.0' },
    { name: `${id}/json`, data: json },
    { name: `${id}/layer.tar`, data: layer },
  ];
}

const chain = [
  ...imageOf(top, middle, { config: { Cmd: ['sh'] }, Size: 3 }),
  ...imageOf(base, undefined, { container_config: { Cmd: ['/bin/sh', '-c', 'add'] } }),
  ...imageOf(middle, base),
];
const repositories = { name: 'repositories', data: JSON.stringify({ 'me/app': { v1: top, latest: top, base: base } }) };

async function open(members: readonly HandmadeMember[], select = ''): Promise<readonly SourceImage[]> {
  const path = join(folder(), 'a.tar');
  await writeFile(path, tarOf(...members));
  const source = await openSource(`docker-archive:${path}${select}`);
  await source[Symbol.asyncDispose]();
  expect(source.kind).toBe('docker-archive');
  return source.items as readonly SourceImage[];
}

describe('an archive of before Docker 1.10', () => {
  test('gives each tagged image as a chain and as a modern image', async () => {
    const [app, bottom, ...others] = await open([...chain, repositories]);
    expect(others).toEqual([]);
    expect(app?.names).toEqual(['me/app:v1', 'me/app:latest']);
    expect(app?.chain?.map(({ id }) => id)).toEqual([base, middle, top]);
    expect(app?.layers.map(({ diffID }) => diffID)).toEqual([base, middle, top].map((id) => digestBytes(layerOf(id))));
    expect(app?.platform).toEqual({ os: 'linux', architecture: 'amd64' });
    const config = JSON.parse(new TextDecoder().decode(app?.config.bytes));
    expect(config).toMatchObject({ os: 'linux', config: { Cmd: ['sh'] }, rootfs: { type: 'layers' } });
    expect(config.history).toEqual([
      { created: '2015-03-09T00:00:00.12Z', created_by: '/bin/sh -c add' },
      { created: '2015-03-09T00:00:00.12Z' },
      { created: '2015-03-09T00:00:00.12Z' },
    ]);
    expect(config).not.toHaveProperty('id');
    expect(config).not.toHaveProperty('Size');
    expect(app?.config.digest).toBe(digestBytes(app!.config.bytes));
    expect(bottom).toMatchObject({ names: ['me/app:base'], chain: [{ id: base }] });
  });

  test('saved by ID, the image is the one that is nobody’s parent', async () => {
    const [only, ...others] = await open(chain);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ names: [], chain: [{ id: base }, { id: middle }, { id: top }] });
  });

  test.each([
    [':me/app:base', base],
    [':@1', base],
    [':me/app', top],
  ])('%s chooses an image', async (select, id) => {
    const [only, ...others] = await open([...chain, repositories], select);
    expect(others).toEqual([]);
    expect(only?.chain?.at(-1)?.id).toBe(id);
  });

  test('what is not there is told with what is', async () => {
    await expect(open([...chain, repositories], ':me/other')).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      hint: 'It holds: @0 me/app:v1 me/app:latest, @1 me/app:base',
    });
  });

  test('a compressed layer has the diffID of its plain tar', async () => {
    const [only] = await open(imageOf(base, undefined, {}, gzipSync(layerOf('x'))));
    expect(only?.layers[0]).toMatchObject({ compression: 'gzip', diffID: digestBytes(layerOf('x')) });
  });

  test.each<[string, readonly HandmadeMember[], string]>([
    ['no images', [{ name: 'repositories', data: '{}' }], 'holds no image'],
    ['a missing parent', imageOf(top, middle), 'is missing'],
    ['a circle', [...imageOf(top, middle), ...imageOf(middle, top), repositories], 'lead in a circle'],
    ['an id that is not its folder’s', imageOf(top, undefined, { id: base }), 'not that of its folder'],
    ['a parent that is a path', imageOf(top, '../../etc'), 'is no image ID'],
    ['a missing layer', imageOf(top, undefined).filter(({ name }) => !name.endsWith('layer.tar')), 'is missing'],
    ['a tag of nothing', [...chain, { name: 'repositories', data: '{"a":{"b":"../x"}}' }], 'names no image ID'],
    ['a time that is none', imageOf(top, undefined, { created: 'long ago' }), 'expected a time'],
  ])('%s is refused', async (_, members, reason) => {
    const message = expect.stringContaining(reason);
    await expect(open(members)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });
});
