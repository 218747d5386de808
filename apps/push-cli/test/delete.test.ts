import { digestBytes } from '@slipway/digest';
import { buildIndex, buildOciManifest, type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import {
  type EmbeddedRegistry,
  randomImage,
  requireTool,
  skopeo,
  startDebianRegistry,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

const mediaType = mediaTypes.ociManifest;
const empty = new TextEncoder().encode('{}');

/** Puts a manifest of its own into `demo/app`, under some tags. */
async function seed(
  server: EmbeddedRegistry,
  name: string,
  tags: readonly string[],
  subject?: Descriptor,
): Promise<Descriptor> {
  const built = buildOciManifest({
    config: emptyDescriptor,
    layers: [emptyDescriptor],
    artifactType: 'application/x-test',
    annotations: { name },
    subject,
  });
  await server.seed('demo/app', { blobs: [empty], manifests: [{ bytes: built.bytes, mediaType, tags }] });
  return { mediaType, digest: built.digest, size: built.bytes.byteLength };
}

describe('slipway delete', () => {
  test('a tag goes alone, and it is said what else its manifest is known as', async () => {
    await using server = await startRegistry();
    const { digest } = await seed(server, 'one', ['v1', 'v2', 'latest']);
    const name = `${server.host}/demo/app`;
    const dry = await runCli(['delete', '--dry-run', `${name}:v1`]);
    expect(dry).toMatchObject({ code: 0, stdout: `${name}:v1\n` });
    expect(dry.stderr).toContain(`is ${digest}`);
    expect(dry.stderr).toContain('keeps    the manifest, also known as latest, v2');
    expect(dry.stderr).toContain('unknown  whether the registry deletes a tag alone: some keep it');
    expect(server.tags('demo/app')).toEqual(['latest', 'v1', 'v2']);
    expect(server.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);

    const done = await runCli(['delete', `docker://${name}:v1`]);
    expect(done).toMatchObject({ code: 0, stdout: `${name}:v1\n` });
    expect(done.stderr).not.toContain('unknown');
    expect([server.tags('demo/app'), server.manifests('demo/app')]).toEqual([['latest', 'v2'], [digest]]);
  });

  test('a manifest, which every registry deletes that deletes at all, is planned without a doubt', async () => {
    await using server = await startRegistry();
    await seed(server, 'one', ['v1']);
    const dry = await runCli(['delete', '--dry-run', '--manifest', `${server.host}/demo/app:v1`]);
    expect([dry.code, dry.stderr.includes('unknown')]).toEqual([0, false]);
  });

  test('a manifest goes with its tags, by --manifest or by its digest', async () => {
    await using server = await startRegistry();
    const one = await seed(server, 'one', ['v1', 'v2']);
    const two = await seed(server, 'two', ['w1']);
    const name = `${server.host}/demo/app`;
    const done = await runCli(['delete', '--json', '--manifest', `${name}:v1`, `${name}@${two.digest}`]);
    const records = done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([done.code, records]).toMatchObject([
      0,
      [
        { reference: `${name}:v1`, deleted: { tags: ['v1', 'v2'], manifest: one.digest } },
        { reference: `${name}@${two.digest}`, deleted: { tags: ['w1'], manifest: two.digest } },
      ],
    ]);
    expect([server.tags('demo/app'), server.manifests('demo/app')]).toEqual([[], []]);
  });

  test('what an index needs is kept, and what refers to a manifest is named', async () => {
    await using server = await startRegistry();
    const child = await seed(server, 'child', ['v1']);
    const referrer = await seed(server, 'sbom', [], child);
    const index = buildIndex({ manifests: [child] });
    await server.seed('demo/app', { manifests: [{ bytes: index.bytes, mediaType: index.mediaType, tags: ['multi'] }] });
    const name = `${server.host}/demo/app`;
    const kept = await runCli(['delete', `${name}@${child.digest}`]);
    expect(kept).toMatchObject({ code: 1, stdout: '' });
    expect(kept.stderr).toContain('is kept: the index multi needs it');
    expect(kept.stderr).toContain(`orphans  application/x-test ${referrer.digest}`);
    expect(server.tags('demo/app')).toEqual(['multi', 'v1']);

    const done = await runCli(['delete', '--manifest', `${name}:multi`]);
    expect(done).toMatchObject({ code: 0, stdout: `${name}:multi\n${name}@${index.digest}\n` });
    expect(done.stderr).toContain('keeps    1 manifests that it names');
    expect((await runCli(['delete', `${name}:v1@${child.digest}`, '--manifest'])).code).toBe(0);
    expect(server.tags('demo/app')).toEqual([]);
  });

  test('a registry that deletes no tags loses nothing, and the way out is named', async () => {
    await using server = await startRegistry({ quirks: 'distribution-2' });
    await seed(server, 'one', ['v1', 'v2']);
    const name = `${server.host}/demo/app`;
    const kept = await runCli(['delete', `${name}:v1`]);
    expect(kept).toMatchObject({ code: 1, stdout: '' });
    expect(kept.stderr).toContain(`is kept: ${server.host} cannot delete a tag alone`);
    expect(kept.stderr).toContain(
      `hint: \`slipway delete --manifest ${name}:v1\` deletes its manifest, with the tags v1, v2`,
    );
    const both = await runCli(['delete', `${name}:v1`, `${name}:v2`]);
    expect(both.stderr).toMatch(new RegExp(`^slipway: ${name}:v1 is kept: `, 'm'));
    expect(both.stderr).not.toContain(`${name}:v1: ${name}:v1`);
    expect(server.tags('demo/app')).toEqual(['v1', 'v2']);
  });

  test.each([
    [
      'what is not there',
      (host: string) => [`${host}/demo/app:v9`],
      {},
      1,
      /There is no 127.*v9 in the registry[\s\S]*hint: check/,
    ],
    [
      'a digest that a tag does not name',
      (host: string) => [`${host}/demo/app:v1@${digestBytes(empty)}`],
      {},
      1,
      /it names sha256/,
    ],
    ['a name without a tag', (host: string) => [`${host}/demo/app`], {}, 2, /neither a tag nor a digest/],
    ['no reference', (host: string) => [`${host}/DEMO:v1`], {}, 2, /lowercase/],
    [
      'a registry without deletes',
      (host: string) => [`${host}/demo/app:v1`, '--manifest'],
      { manifestDelete: 'unsupported' } as const,
      1,
      /REGISTRY_STORAGE_DELETE_ENABLED/,
    ],
  ])('%s is told', async (_, args, quirks, code, words) => {
    await using server = await startRegistry({ quirks });
    await seed(server, 'one', ['v1']);
    const result = await runCli(['delete', ...args(server.host)]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(words);
    expect(server.tags('demo/app')).toEqual(['v1']);
  });

  test('missing credentials are 3, an unreachable registry is 5, and each reference counts for itself', async () => {
    await using locked = await startRegistry({ auth: { kind: 'basic', users: { ann: 'secret-word' } } });
    await using open = await startRegistry();
    await seed(open, 'one', ['v1']);
    const refused = await runCli(['delete', `${locked.host}/demo/app:v1`, `${open.host}/demo/app:v1`]);
    expect(refused).toMatchObject({ code: 3, stdout: `${open.host}/demo/app:v1\n` });
    expect((await runCli(['delete', '127.0.0.1:9/demo/app:v1'])).code).toBe(5);
    const forced = await runCli(['delete', '--force', `${open.host}/demo/app:v1`]);
    expect(forced).toMatchObject({ code: 0, stdout: '' });
  });
});

describe.skipIf(requireTool('docker-registry', 'skopeo'))('with Debian’s docker-registry', () => {
  test('what was pushed goes, is forgotten, and can be pushed again', async () => {
    await using server = await startDebianRegistry();
    await using folder = await temporaryFolder();
    const archive = `${folder.path}/app.tar`;
    await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'delete' }), references: ['app:1'] }]);
    const env = { SLIPWAY_DATA_DIR: `${folder.path}/data` };
    const name = `${server.host}/demo/app:1`;
    const pushed = await runCli(['push', '--quiet', archive, name], { env });
    const digest = pushed.stdout.trim().split('@')[1] ?? '';
    expect((await runCli(['delete', name], { env })).code).toBe(1);
    const done = await runCli(['delete', '--manifest', name], { env });
    expect(done).toMatchObject({ code: 0, stdout: `${name}\n${server.host}/demo/app@${digest}\n` });
    const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${name}`];
    expect((await skopeo(inspect)).code).not.toBe(0);
    const again = await runCli(['push', archive, name], { env });
    expect(again).toMatchObject({ code: 0, stdout: pushed.stdout });
    expect((await skopeo(inspect)).code).toBe(0);
  });
});
