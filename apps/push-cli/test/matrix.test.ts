import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestBytes } from '@slipway/digest';
import { type Descriptor, mediaTypes } from '@slipway/manifest';
import {
  type DebianRegistry,
  type EmbeddedRegistry,
  findTool,
  multiPlatformImage,
  type ReadBack,
  randomImage,
  readBack,
  requireTool,
  runTool,
  skopeo,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

const missing = requireTool('docker-registry', 'skopeo');

let folder: TemporaryFolder;
let pushes = 0;
let debian: DebianRegistry | undefined;
let embedded: EmbeddedRegistry;
let image: TestImage;
let images: readonly TestImage[];
/** Digests of the manifests that sources have, by source. */
const manifests = new Map<string, Digest>();
const at = (name: string): string => join(folder.path, name);
const platforms = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
];

beforeAll(async () => {
  folder = await temporaryFolder();
  embedded = await startRegistry();
  if (missing === false) debian = await startDebianRegistry();
  image = await randomImage({ seed: 'matrix', layers: [{ size: 150_000 }, { size: 40_000, kind: 'random' }, {}] });
  images = await multiPlatformImage(platforms, { seed: 'matrix' });
  const named = [{ image, references: ['demo/app:v1', 'demo/app:v2'] }];
  await writeDockerArchive(at('old.tar'), named, { layout: 'old' });
  await writeDockerArchive(at('new.tar'), named);
  await writeDockerArchive(at('new.tar.zst'), named, { compression: 'zstd' });
  const tagged = [{ content: image, refName: 'v1' }];
  const layouts = {
    layout: await writeOciLayout(at('layout'), tagged),
    'zstd-layout': await writeOciLayout(at('zstd-layout'), tagged, { layerCompression: 'zstd' }),
    'plain-layout': await writeOciLayout(at('plain-layout'), tagged, { layerCompression: 'none' }),
    'docker-layout': await writeOciLayout(at('docker-layout'), tagged, { format: 'docker' }),
    'archive.oci': await writeOciArchive(at('archive.oci'), tagged),
    'archive.oci.gz': await writeOciArchive(at('archive.oci.gz'), tagged, { compression: 'gzip' }),
    index: await writeOciLayout(at('index'), [{ content: images, refName: 'v1' }]),
    list: await writeOciLayout(at('list'), [{ content: images, refName: 'v1' }], { format: 'docker' }),
    nested: await writeOciLayout(at('nested'), [{ content: images, refName: 'v1' }], { nested: true }),
  };
  for (const [name, { entries }] of Object.entries(layouts)) manifests.set(name, (entries[0] as Descriptor).digest);
  await push([at('layout'), `${embedded.host}/origin/app:v1`]);
  manifests.set('docker://', manifests.get('layout') as Digest);
});
afterAll(async () => {
  await debian?.[Symbol.asyncDispose]();
  await embedded[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const sources = [
  'old.tar',
  'new.tar',
  '-',
  'layout',
  'zstd-layout',
  'plain-layout',
  'docker-layout',
  'archive.oci',
  'docker://',
];
/** They differ from others only in how they are opened. */
const compressedSources = ['new.tar.zst', 'archive.oci.gz'];
const formats = ['keep', 'docker', 'oci'] as const;

describe.each(sources)('one image from %s', (source) => {
  test.each(formats)('as %s', async (format) => {
    await proveEverywhere(source, format, async (back) => {
      expect(back.kind).toBe('image');
      expectImage(back, image);
      expectFamily(back, format);
    });
  });
});

test.each(compressedSources)('one image from %s', async (source) => {
  await proveEverywhere(source, 'keep', async (back) => expectImage(back, image));
});

describe.each(['index', 'list', 'nested'])('several platforms from %s', (source) => {
  test.each(formats)('whole, as %s', async (format) => {
    await proveEverywhere(source, format, async (back) => {
      expect(back.kind).toBe('index');
      const found = leavesOf(back);
      expect(found).toHaveLength(images.length);
      for (const [i, leaf] of found.entries()) {
        expectImage(leaf, images[i] as TestImage);
        expectFamily(leaf, format);
      }
      if (format === 'docker') expect(back.mediaType).toBe(mediaTypes.dockerManifestList);
      if (format === 'oci') expect(back.mediaType).toBe(mediaTypes.ociIndex);
    });
  });

  test('one of them', async () => {
    const look = async (back: ReadBack): Promise<void> => expectImage(back, images[1] as TestImage);
    await proveEverywhere(source, 'keep', look, ['--platform', 'linux/arm64']);
  });
});

describe.skipIf(missing)('what other tools wrote', () => {
  const variants: readonly (readonly [name: string, target: string, options: readonly string[]])[] = [
    ['docker-archive', 'docker-archive:%:demo/app:v1', []],
    ['OCI layout', 'oci:%:v1', []],
    ['OCI archive', 'oci-archive:%:v1', []],
    ['OCI layout with zstd layers', 'oci:%:v1', ['--dest-compress-format', 'zstd', '--dest-compress']],
    ['OCI layout without compression', 'oci:%:v1', ['--dest-decompress']],
  ];
  test.each(variants)('skopeo: %s', async (name, target, options) => {
    const path = at(`skopeo-${name.replaceAll(' ', '-')}`);
    const copied = await skopeo(['copy', ...options, `oci:${at('layout')}:v1`, target.replace('%', path)]);
    expect(copied).toMatchObject({ code: 0 });
    await proveEverywhere(path, 'keep', async (back) => expectImage(back, image));
  });

  test('skopeo: a layout of several platforms', async () => {
    const path = at('skopeo-all');
    expect((await skopeo(['copy', '--all', `oci:${at('index')}:v1`, `oci:${path}:v1`])).code).toBe(0);
    const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
    manifests.set(path, index.manifests[0].digest);
    await proveEverywhere(path, 'keep', async (back) => expect(back.children).toHaveLength(2));
  });

  test.skipIf(requireTool('umoci'))('umoci: a layer made by it', async () => {
    const path = at('umoci');
    await writeOciLayout(path, [{ content: image, refName: 'v1' }]);
    const file = at('hello.txt');
    await runTool('sh', ['-c', `echo hello > ${file}`]);
    const inserted = await runTool('umoci', ['insert', '--rootless', '--image', `${path}:v1`, file, '/hello.txt']);
    expect(inserted).toMatchObject({ code: 0 });
    await proveEverywhere(`oci:${path}:v1`, 'keep', async (back) => {
      expect(back.layers.slice(0, -1).map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
      expect(back.layers).toHaveLength(image.layers.length + 1);
    });
  });

  test.skipIf(findTool('buildah') === undefined)('buildah: an image from nothing', async (context) => {
    const env = { HOME: folder.path, STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
    const storage = ['--root', at('buildah-root'), '--runroot', at('buildah-run')];
    const run = (...args: string[]): ReturnType<typeof runTool> => runTool('buildah', [...storage, ...args], { env });
    const from = await run('from', '--name', 'work', 'scratch');
    // It wants user namespaces, or to be root with mounts: not every machine grants them.
    if (from.code !== 0) return context.skip(`buildah cannot work here: ${from.stderr.slice(0, 200)}`);
    expect(await run('copy', 'work', at('old.tar'), '/payload')).toMatchObject({ code: 0 });
    const path = at('buildah');
    expect(await run('commit', '--format', 'oci', 'work', `oci:${path}:v1`)).toMatchObject({ code: 0 });
    await proveEverywhere(path, 'keep', async (back) => expect(back.layers).toHaveLength(1));
  });
});

/** Pushes one source to both registries at once, and looks at what arrived with our reader and with skopeo. */
async function proveEverywhere(
  source: string,
  format: (typeof formats)[number],
  look: (back: ReadBack) => Promise<void>,
  options: readonly string[] = [],
): Promise<void> {
  pushes += 1;
  const name = `matrix/${pushes}`;
  const hosts = [embedded.host, ...(debian === undefined ? [] : [debian.host])];
  const input = source === '-' ? createReadStream(at('old.tar')) : undefined;
  const args = [argumentOf(source), ...hosts.map((host) => `${host}/${name}:v1`), '--format', format, ...options];
  const { code, stdout, stderr } = await push(args, input);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const digests = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('@')[1]);
  for (const [i, host] of hosts.entries()) {
    const back = await readBack(host, name, 'v1');
    expect(back.digest).toBe(digests[i]);
    const own = manifests.get(source);
    if (format === 'keep' && own !== undefined && options.length === 0) expect(back.digest).toBe(own);
    await look(back);
    if (missing !== false) continue;
    const raw = await skopeo(['inspect', '--raw', '--tls-verify=false', `docker://${host}/${name}:v1`]);
    expect(digestBytes(new TextEncoder().encode(raw.stdout))).toBe(digests[i]);
  }
}

function argumentOf(source: string): string {
  if (source === '-' || source.startsWith('/') || source.startsWith('oci:')) return source;
  return source === 'docker://' ? `docker://${embedded.host}/origin/app:v1` : at(source);
}

async function push(args: readonly string[], input?: ReturnType<typeof createReadStream>): Promise<CliResult> {
  return await runCli(['push', ...args, '--plain-http', '--quiet', '--no-cache'], { input });
}

function leavesOf(back: ReadBack): readonly ReadBack[] {
  return back.kind === 'index' ? back.children.flatMap(leavesOf) : [back];
}

/** The config arrives byte for byte; the layers, whatever their form, are the same once they are unpacked. */
function expectImage(back: ReadBack, { imageID, layers }: TestImage): void {
  expect(back.config?.digest).toBe(imageID);
  expect(back.layers.map(({ diffID }) => diffID)).toEqual(layers.map(({ diffID }) => diffID));
}

function expectFamily({ mediaType, config, layers }: ReadBack, format: (typeof formats)[number]): void {
  if (format === 'keep') return;
  const types = [mediaType, config?.mediaType ?? '', ...layers.map((layer) => layer.mediaType)];
  const prefix = format === 'docker' ? 'application/vnd.docker.' : 'application/vnd.oci.';
  expect(types.filter((type) => !type.startsWith(prefix))).toEqual([]);
}
