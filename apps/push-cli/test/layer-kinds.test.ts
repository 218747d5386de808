import { join } from 'node:path';
import { mediaTypes } from '@slipway/manifest';
import {
  type DebianRegistry,
  randomImage,
  readBack,
  requireTool,
  skopeo,
  startDebianRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

const missing = requireTool('docker-registry', 'skopeo');
/** A run of the program takes seconds on a busy machine, and a test has several. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: TemporaryFolder;
let registry: DebianRegistry;
let image: TestImage;

beforeAll(async () => {
  folder = await temporaryFolder();
  image = await randomImage({ seed: 'kinds', layers: [{ size: 200_000 }, { size: 3000 }] });
  await writeDockerArchive(join(folder.path, 'app.tar'), [{ image, references: ['demo/app:v1'] }]);
  if (missing === false) registry = await startDebianRegistry();
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function push(name: string, ...args: readonly string[]): Promise<CliResult> {
  const data = ['--data-dir', join(folder.path, 'data')];
  const destination = `${registry.host}/${name}:1`;
  return runCli([
    'push',
    join(folder.path, 'app.tar'),
    destination,
    '--plain-http',
    '--progress',
    'plain',
    ...data,
    ...args,
  ]);
}

const digestIn = ({ stdout }: CliResult): string => stdout.trim().replace(/^.*@/, '');

describe.skipIf(missing)('slipway push --compression', () => {
  test.each([
    ['none', [], mediaTypes.dockerLayer],
    ['none', ['--format', 'oci'], mediaTypes.ociLayer],
    ['zstd', [], mediaTypes.ociLayerZstd],
    ['zstd:chunked', ['--compression-level', '12'], mediaTypes.ociLayerZstd],
    ['estargz', ['--compression-level', '4'], mediaTypes.ociLayerGzip],
  ])('%s %j', async (kind, args, mediaType) => {
    const name = `kinds/${kind.replace(':', '-')}-${args.length}`;
    const planned = await push(name, '--compression', kind, ...args, '--dry-run');
    const pushed = await push(name, '--compression', kind, ...args);
    expect(pushed).toMatchObject({ code: 0 });
    expect(digestIn(planned)).toBe(digestIn(pushed));
    const back = await readBack(registry.host, name, '1');
    expect(back.layers.map((layer) => layer.mediaType)).toEqual([mediaType, mediaType]);
    expect(back.config?.digest === image.imageID).toBe(kind !== 'estargz');
    // Another program reads all of it, and compares it with its digests.
    const copied = join(folder.path, `copy-${name.replaceAll('/', '-')}`);
    const copy = ['copy', '--src-tls-verify=false', `docker://${registry.host}/${name}:1`, `dir:${copied}`];
    expect(await skopeo(copy)).toMatchObject({ code: 0 });
    // The data folder knows what was made: nothing is made or sent again.
    const again = await push(name, '--compression', kind, ...args);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing to send') });
    expect(digestIn(again)).toBe(digestIn(pushed));
  });

  test('gzip,zstd is one index, and a platform of it can be copied', async () => {
    expect(await push('kinds/both', '--compression', 'gzip,zstd')).toMatchObject({ code: 0 });
    const back = await readBack(registry.host, 'kinds/both', '1');
    expect(back.children.map(({ layers }) => layers[0]?.mediaType)).toEqual([
      mediaTypes.ociLayerGzip,
      mediaTypes.ociLayerZstd,
    ]);
  });

  test('what does not fit together is refused before anything is sent', async () => {
    for (const args of [
      ['--compression', 'gzip,lz4'],
      ['--compression', 'keep,gzip'],
      ['--compression', 'estargz', '--format', 'docker'],
      ['--recompress'],
    ]) {
      expect(await push('kinds/refused', ...args)).toMatchObject({ code: 2, stdout: '' });
    }
  });
});
