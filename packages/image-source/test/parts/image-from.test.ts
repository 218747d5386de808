import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { mediaTypes, parseManifest } from '@slipway/manifest';
import {
  type LayoutEntry,
  multiPlatformImage,
  randomImage,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ImageParts,
  type ImageSource,
  imageFrom,
  layerFrom,
  openSource,
  type SourceImage,
  type SourceIndex,
} from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** A config as it is written. */
interface ConfigDocument {
  readonly created: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history: readonly { readonly created?: string }[];
}

const folder = temporaryFolder();
const hello = layerFrom({ hello: 'world' }, { to: '/app' });

function imageOf({ items: [item] }: ImageSource): SourceImage {
  if (item?.kind !== 'image') throw new Error(`expected an image, got ${item?.kind}`);
  return item;
}

function indexOf({ items: [item] }: ImageSource): SourceIndex {
  if (item?.kind !== 'index') throw new Error(`expected an index, got ${item?.kind}`);
  return item;
}

async function built(parts: ImageParts, time?: Date): Promise<SourceImage> {
  await using source = await imageFrom(parts).open({ time });
  return imageOf(source);
}

async function configOf(parts: ImageParts, time?: Date): Promise<ConfigDocument> {
  return jsonOf((await built(parts, time)).config.bytes);
}

function jsonOf(bytes: Uint8Array): ConfigDocument {
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function layoutOf(...entries: LayoutEntry[]): Promise<string> {
  const path = join(folder(), 'layout');
  await writeOciLayout(path, entries);
  return path;
}

/** A base as somebody else's builder writes one. */
function baseWith(document: object): SourceImage {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return {
    kind: 'image',
    names: [],
    platform: { os: 'linux', architecture: 'amd64' },
    config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(bytes), bytes },
    layers: [],
    manifest: undefined,
  };
}

describe('from scratch', () => {
  test('an image is the same to the byte on every machine', async () => {
    const parts: ImageParts = {
      layers: [hello, layerFrom({ 'etc/x': 'y' })],
      platform: 'linux/arm64/v8',
      author: 'me',
      config: {
        Env: ['PATH=/usr/bin', 'A=b=c'],
        Cmd: ['/app/hello', '<&>'],
        Entrypoint: ['/bin/sh'],
        User: '1000:1000',
        WorkingDir: '/app',
        Labels: { z: '1', a: '2', 9: 'nine' },
        ExposedPorts: [8080, '53/udp', '9000-9001'],
        Volumes: ['/data'],
        StopSignal: 'SIGINT',
      },
    };
    const image = await built(parts);
    expect(new TextDecoder().decode(image.config.bytes)).toBe(
      '{"created":"1970-01-01T00:00:00Z","author":"me","architecture":"arm64","os":"linux","config":{"User":"1000:1000",' +
        '"ExposedPorts":{"53/udp":{},"8080/tcp":{},"9000-9001/tcp":{}},"Env":["PATH=/usr/bin","A=b=c"],' +
        '"Entrypoint":["/bin/sh"],"Cmd":["/app/hello","\\u003c\\u0026\\u003e"],"Volumes":{"/data":{}},"WorkingDir":"/app",' +
        '"Labels":{"9":"nine","a":"2","z":"1"},"StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[' +
        `"${image.layers[0]?.diffID}","${image.layers[1]?.diffID}"]},` +
        '"history":[{"created":"1970-01-01T00:00:00Z","created_by":"slipway"},{"created":"1970-01-01T00:00:00Z","created_by":"slipway"}]}',
    );
    expect(image.config.digest).toBe(digestBytes(image.config.bytes));
    expect(image.config.mediaType).toBe(mediaTypes.ociConfig);
    expect(image.manifest).toBeUndefined();
    expect(image.platform).toEqual({ os: 'linux', architecture: 'arm64' });
    expect(await built(parts)).toMatchObject({ config: { digest: image.config.digest } });
  });

  test('nothing at all is an image for linux/amd64', async () => {
    expect(await configOf({})).toMatchObject({
      os: 'linux',
      architecture: 'amd64',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
    });
  });

  test('several platforms are an index, with layers of their own where there are some', async () => {
    await using source = await imageFrom({
      platform: ['linux/amd64', 'linux/arm/v7'],
      layers: (platform) => [hello, layerFrom({ arch: platform?.architecture ?? '' })],
      annotations: { a: 'b' },
    }).open();
    const { children, manifest } = indexOf(source);
    const images = children.map(({ item }) => item as SourceImage);
    expect(images.map(({ platform }) => platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ]);
    expect(images[0]?.layers[0]?.diffID).toBe(images[1]?.layers[0]?.diffID);
    expect(images[0]?.layers[1]?.diffID).not.toBe(images[1]?.layers[1]?.diffID);
    expect(parseManifest(manifest.bytes, manifest.mediaType)).toMatchObject({
      kind: 'oci-index',
      annotations: { a: 'b' },
    });
  });

  test('the time is that of the image, of its layers and of its history, unless one says otherwise', async () => {
    const time = new Date('2024-05-06T07:08:09.987Z');
    const config = await configOf({ layers: [hello, layerFrom({ a: '' }, { mtime: new Date(0) })] }, time);
    expect(config.created).toBe('2024-05-06T07:08:09Z');
    expect(config.history.map((step) => step.created)).toEqual(['2024-05-06T07:08:09Z', '1970-01-01T00:00:00Z']);
    expect((await configOf({ created: new Date(1000) }, time)).created).toBe('1970-01-01T00:00:01Z');
  });
});

describe('on a base', () => {
  const document = {
    created: '2020-01-01T00:00:00Z',
    author: 'base',
    architecture: 'arm64',
    os: 'linux',
    variant: 'v8',
    docker_version: '20.10',
    container: 'c',
    container_config: { Cmd: ['build'] },
    'moby.buildkit.cache.v0': 'c',
    unheardOf: { 1: 2 },
    config: {
      Env: ['PATH=/bin', 'HOME=/root', 'X=1'],
      Cmd: ['sh'],
      Entrypoint: ['/entry'],
      Labels: { keep: 'me', drop: 'me' },
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/v': {} },
      User: 'base',
      ArgsEscaped: true,
      OnBuild: ['RUN x'],
      Healthcheck: { Interval: 30_000_000_000 },
    },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [{ created_by: 'ENV', empty_layer: true }],
  };

  test('what nobody speaks of stays; what is of its build goes', async () => {
    const { created, history, rootfs, ...config } = await configOf({ base: baseWith(document), layers: [hello] });
    const {
      docker_version: _,
      container: __,
      container_config: ___,
      'moby.buildkit.cache.v0': ____,
      ...rest
    } = document;
    const { created: _____, history: ______, rootfs: _______, ...expected } = rest;
    expect(config).toEqual(expected);
    expect(created).toBe('1970-01-01T00:00:00Z');
    expect(rootfs.diff_ids).toHaveLength(1);
    expect(history).toEqual([
      { created_by: 'ENV', empty_layer: true },
      { created: '1970-01-01T00:00:00Z', created_by: 'slipway' },
    ]);
  });

  test.each<[string, NonNullable<ImageParts['config']>, object]>([
    ['variables', { Env: { HOME: '/home', X: null, NEW: '' } }, { Env: ['PATH=/bin', 'HOME=/home', 'NEW='] }],
    ['variables as a list', { Env: ['X=2', 'Y='] }, { Env: ['PATH=/bin', 'HOME=/root', 'X=2', 'Y='] }],
    ['no variables', { Env: null }, { Env: undefined }],
    [
      'an entry point takes away the command',
      { Entrypoint: ['/e'] },
      { Entrypoint: ['/e'], Cmd: undefined, ArgsEscaped: undefined },
    ],
    ['both', { Entrypoint: ['/e'], Cmd: ['c'] }, { Entrypoint: ['/e'], Cmd: ['c'] }],
    ['a command leaves the entry point', { Cmd: ['c'] }, { Entrypoint: ['/entry'], Cmd: ['c'] }],
    ['no command', { Cmd: null }, { Cmd: undefined, Entrypoint: ['/entry'] }],
    ['labels', { Labels: { drop: null, more: 'x' } }, { Labels: { keep: 'me', more: 'x' } }],
    ['ports', { ExposedPorts: { 443: {}, '80': null } }, { ExposedPorts: { '443/tcp': {} } }],
    ['volumes', { Volumes: ['/w'] }, { Volumes: { '/v': {}, '/w': {} } }],
    ['no user', { User: null }, { User: undefined }],
    ['a health check', { Healthcheck: { Test: ['NONE'] } }, { Healthcheck: { Test: ['NONE'] } }],
  ])('%s', async (_name, config, expected) => {
    const found = (await configOf({ base: baseWith(document), config })).config;
    for (const [name, value] of Object.entries(expected)) expect(found[name]).toEqual(value);
  });

  test('a config in another letter case is read as Go reads it', async () => {
    const base = baseWith({
      RootFS: { Type: 'layers', Diff_IDs: [] },
      Architecture: 'arm64',
      OS: 'linux',
      Config: { env: ['A=1'] },
    });
    const config = await configOf({ base, config: { Env: { B: '2' } }, layers: [hello] });
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux', config: { Env: ['A=1', 'B=2'] } });
    expect(config.rootfs.diff_ids).toHaveLength(1);
  });

  test('a history that does not fit the layers is left alone', async () => {
    const layer = (await hello.open()).layer;
    const base = {
      ...baseWith({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.diffID] } }),
      layers: [layer],
    };
    expect((await configOf({ base, layers: [hello] })).history).toBeUndefined();
  });

  test('its layers go as they are, and say where they can be mounted from', async () => {
    const path = await layoutOf({ content: await randomImage({ layers: [{ seed: 1 }, { seed: 2 }] }), refName: 'v1' });
    await using base = await openSource(path);
    const opened = imageOf(base);
    const image = await built({ base: { ...opened, heldIn: 'ghcr.io/base/app' }, layers: [hello] });
    expect(image.layers.map(({ descriptor }) => descriptor)).toEqual([
      ...opened.layers.map((one) => one.descriptor),
      undefined,
    ]);
    expect(image.layers.map(({ inherited }) => inherited?.heldIn)).toEqual([
      'ghcr.io/base/app',
      'ghcr.io/base/app',
      undefined,
    ]);
    expect(image.annotations).toEqual({
      'org.opencontainers.image.base.digest': opened.manifest?.digest,
      'org.opencontainers.image.base.name': opened.names[0],
    });
    const again = await built({ base: image, layers: [layerFrom({ more: '' })] });
    expect(again.layers.map(({ inherited }) => inherited?.heldIn)).toEqual([
      'ghcr.io/base/app',
      'ghcr.io/base/app',
      undefined,
      undefined,
    ]);
  });

  test('its family is kept, unless another is asked for', async () => {
    const oci = await layoutOf({ content: await randomImage({ layers: [{ seed: 1 }] }), refName: 'v1' });
    const docker = join(folder(), 'docker.tar');
    await writeDockerArchive(docker, [{ image: await randomImage({ layers: [{ seed: 1 }] }), references: ['a:1'] }]);
    const type = async (parts: ImageParts): Promise<string> => (await built(parts)).config.mediaType;
    expect(await type({ base: oci })).toBe(mediaTypes.ociConfig);
    expect(await type({ base: docker })).toBe(mediaTypes.dockerConfig);
    expect(await type({ base: oci, format: 'docker' })).toBe(mediaTypes.dockerConfig);
    expect(await type({ base: docker, format: 'oci' })).toBe(mediaTypes.ociConfig);
    expect((await built({ base: docker })).layers[0]?.inherited).toBeUndefined();
  });

  test('the caller opens it, and it is closed with the image', async () => {
    const asked: unknown[] = [];
    let closed = 0;
    const base = { ...(await openSource(await layoutOf({ content: await randomImage({ layers: [{ seed: 1 }] }) }))) };
    const openBase = async (text: string, { platform }: { platform: unknown }): Promise<ImageSource> => {
      asked.push(text, platform);
      return {
        ...base,
        [Symbol.asyncDispose]: async () => {
          closed += 1;
        },
      };
    };
    await using source = await imageFrom({ base: 'docker://node:24-slim' }).open({ openBase });
    expect(imageOf(source).layers).toHaveLength(1);
    expect(asked).toEqual(['docker://node:24-slim', undefined]);
    await source[Symbol.asyncDispose]();
    expect(closed).toBe(1);
    const missing = imageFrom({ base: 'docker://x', platform: 'linux/s390x' }).open({ openBase });
    await expect(missing).rejects.toThrow(expect.objectContaining({ code: 'ERR_SOURCE_NOT_FOUND' }));
    expect(asked.at(-1)).toEqual({ os: 'linux', architecture: 's390x' });
    expect(closed).toBe(2); // what was opened is closed after a failure as well
  });

  test('nothing here opens a registry', async () => {
    await expect(imageFrom({ base: 'docker://node:24-slim' }).open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_UNSUPPORTED' }),
    );
  });
});

describe('on a base of several platforms', () => {
  async function multi(): Promise<string> {
    return layoutOf({
      content: await multiPlatformImage([
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64', variant: 'v8' },
      ]),
      refName: 'v1',
    });
  }

  test('all are kept', async () => {
    await using source = await imageFrom({ base: await multi(), layers: [hello] }).open();
    const { children } = indexOf(source);
    expect(children.map(({ descriptor }) => descriptor.platform?.architecture)).toEqual(['amd64', 'arm64']);
    expect(children.every(({ item }) => item.kind === 'image' && item.layers.at(-1)?.diffID !== undefined)).toBe(true);
  });

  test('one, or some, are chosen', async () => {
    const base = await multi();
    await using one = await imageFrom({ base, platform: 'linux/arm64' }).open();
    expect(imageOf(one).platform?.architecture).toBe('arm64');
    await using two = await imageFrom({ base, platform: ['linux/arm64', 'linux/amd64'] }).open();
    expect(indexOf(two).children.map(({ descriptor }) => descriptor.platform?.architecture)).toEqual([
      'arm64',
      'amd64',
    ]);
  });

  test('one that it lacks is told', async () => {
    await expect(imageFrom({ base: await multi(), platform: ['linux/arm64', 'windows/amd64'] }).open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_NOT_FOUND', hint: 'It has linux/amd64, linux/arm64/v8' }),
    );
  });

  test('among several images one has to be named', async () => {
    const images = [1, 2].map(async (seed) => ({
      content: await randomImage({ layers: [{ seed }] }),
      refName: `v${seed}`,
    }));
    const path = await layoutOf(...(await Promise.all(images)));
    await expect(imageFrom({ base: path }).open()).rejects.toThrow('one has to be the base');
    expect((await built({ base: `${path}:v2` })).layers).toHaveLength(1);
  });
});

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'parts'],
  ['a base that is a number', { base: 1 }, 'parts.base'],
  ['layers that are no list', { layers: hello }, 'parts.layers'],
  ['a folder as a layer', { layers: ['dist'] }, 'parts.layers'],
  ['a command in one string', { config: { Cmd: 'node app.js' } }, 'parts.config.Cmd'],
  ['a variable without a value', { config: { Env: ['HOME'] } }, 'parts.config.Env'],
  ['a variable with = in its name', { config: { Env: { 'A=B': '' } } }, 'parts.config.Env, the name "A=B"'],
  ['a port that is none', { config: { ExposedPorts: [70_000] } }, 'parts.config.ExposedPorts'],
  ['a label that is no text', { config: { Labels: { a: 1 } } }, 'parts.config.Labels'],
  ['a member in small letters', { config: { entrypoint: ['x'] } }, 'parts.config.entrypoint'],
  ['a platform that is none', { platform: 'toaster' }, 'parts.platform'],
  ['no platform', { platform: [] }, 'parts.platform'],
  ['a date that is none', { created: new Date('x') }, 'parts.created'],
  ['a family that is none', { format: 'schema1' }, 'parts.format'],
  ['an option misspelt', { layer: [hello] }, 'parts.layer'],
  ['annotations that are no texts', { annotations: { a: 1 } }, 'parts.annotations'],
])('%s is refused: it names %3$s', (_name, parts, argument) => {
  expect(() => imageFrom(parts as ImageParts)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
});

test('a history has a step for each layer', async () => {
  const history = [{ created_by: 'CMD', empty_layer: true }, { created_by: 'COPY' }];
  expect((await configOf({ layers: [hello], history })).history).toEqual(history);
  await expect(built({ layers: [hello, hello], history })).rejects.toThrow(
    expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'parts.history' }),
  );
});
