import { join } from 'node:path';
import { buildOciManifest, type Descriptor, emptyDescriptor } from '@slipway/manifest';
import {
  type EmbeddedRegistry,
  multiPlatformImage,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  type WrittenLayout,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let source: EmbeddedRegistry;
let layout: WrittenLayout;
let index: Descriptor;
let signature: Descriptor;
let cosign: Descriptor;

const platforms = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

beforeAll(async () => {
  folder = await temporaryFolder();
  source = await startRegistry();
  const images = await multiPlatformImage(platforms, { seed: 'copy', layers: [{ size: 200_000 }, { kind: 'random' }] });
  layout = await writeOciLayout(join(folder.path, 'layout'), [{ content: images, refName: 'v1' }]);
  index = layout.entries[0] as Descriptor;
  await push([join(folder.path, 'layout'), `${source.host}/team/app:v1`]);
  signature = await refer('team/app', index, 'example/signature');
  await refer('team/app', signature, 'example/timestamp'); // of the signature
  const [first] = await childrenOf(index);
  await refer('team/app', first as Descriptor, 'example/sbom'); // of one platform
  cosign = await tagLikeCosign('team/app', index);
});
afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('from one registry to another', () => {
  test('an index arrives with its digest, and with everything that refers to it, all the way down', async () => {
    await using target = await startRegistry();
    const { code, stdout } = await push([
      `docker://${source.host}/team/app:v1`,
      `${target.host}/copy/app:v1`,
      '--referrers',
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${target.host}/copy/app@${index.digest}\n`);
    expect([...target.manifests('copy/app')].sort()).toEqual([...source.manifests('team/app')].sort());
    expect([...target.tags('copy/app')].sort()).toEqual(['v1', tagOf(index)].sort());
    expect((await target.manifest('copy/app', tagOf(index)))?.digest).toBe(cosign.digest);
    const puts = target.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
    expect(puts.at(-1)?.path).toMatch(/\/manifests\/v1$/);
    await target.verify();
    // Again: nothing is left to do, and nothing is sent.
    target.clearRequests();
    const again = await push([
      `docker://${source.host}/team/app:v1`,
      `${target.host}/copy/app:v1`,
      '--referrers',
      '--json',
    ]);
    expect(JSON.parse(again.stdout)).toMatchObject({ unchanged: true });
    expect(target.requests.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });

  test('without --referrers the image goes alone', async () => {
    await using target = await startRegistry();
    expect((await push([`docker://${source.host}/team/app:v1`, `${target.host}/copy/app:v1`])).code).toBe(0);
    expect(target.manifests('copy/app')).toHaveLength(3);
    expect(target.tags('copy/app')).toEqual(['v1']);
  });

  test('one platform: the others are not even read', async () => {
    await using target = await startRegistry();
    source.clearRequests();
    const args = [`docker://${source.host}/team/app:v1`, `${target.host}/copy/app:arm`, '--platform', 'linux/arm64'];
    const { stdout } = await push(args);
    const [, arm] = await childrenOf(index);
    expect(stdout).toBe(`${target.host}/copy/app@${arm?.digest}\n`);
    expect(source.requests.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(2);
    const { code, lines } = await push([...args.slice(0, 3), 'linux/s390x']);
    expect(code).toBe(2);
    expect(lines.join('\n')).toContain('it has linux/amd64, linux/arm64');
  });

  test('a blob that breaks off is read on from where it was', async () => {
    await using target = await startRegistry();
    const broken = source.misbehave({
      match: { method: 'GET', path: /\/blobs\/sha256/ },
      after: 2,
      truncateAfter: 30_000,
      times: 2,
    });
    expect((await push([`docker://${source.host}/team/app:v1`, `${target.host}/copy/app:v1`])).code).toBe(0);
    expect(broken.hits).toBe(2);
    broken[Symbol.dispose]();
    await target.verify();
  });

  test('to a registry without the referrers API, which keeps them under the fallback tag; and from it', async () => {
    await using old = await startRegistry({ quirks: { referrers: false } });
    await using target = await startRegistry();
    await push([`docker://${source.host}/team/app:v1`, `${old.host}/old/app:v1`, '--referrers']);
    expect(old.tags('old/app')).toContain(index.digest.replace(':', '-'));
    const { code } = await push([`docker://${old.host}/old/app:v1`, `${target.host}/new/app:v1`, '--referrers']);
    expect(code).toBe(0);
    expect([...target.manifests('new/app')].sort()).toEqual([...source.manifests('team/app')].sort());
  });

  test('what is missing there is the source’s fault', async () => {
    const { code, lines } = await push([`docker://${source.host}/team/app:nothing`, `${source.host}/copy/app:v1`]);
    expect(code).toBe(4);
    expect(lines[0]).toContain(`${source.host}/team/app:nothing`);
    expect((await push(['docker://127.0.0.1:1/app:v1', `${source.host}/copy/app:v1`])).code).toBe(5);
  });
});

describe('within one registry', () => {
  test('every blob is mounted, and not one byte of a blob moves', async () => {
    source.clearRequests();
    const args = [`docker://${source.host}/team/app:v1`, `${source.host}/other/app:v1`, '--referrers', '--json'];
    const { code, stdout } = await push(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ digest: index.digest, totals: { uploaded: 0, bytesSent: 0 } });
    expect(JSON.parse(stdout).totals.mounted).toBeGreaterThan(4);
    const configs = 2; // read for their platforms
    expect(source.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))).toHaveLength(
      configs,
    );
    expect([...source.manifests('other/app')].sort()).toEqual([...source.manifests('team/app')].sort());
  });

  test('another tag costs no question about a blob', async () => {
    source.clearRequests();
    const { code } = await push([`docker://${source.host}/team/app:v1`, `${source.host}/team/app:v2`]);
    expect(code).toBe(0);
    expect(source.requests.filter(({ method }) => method === 'POST')).toEqual([]);
    expect((await source.manifest('team/app', 'v2'))?.digest).toBe(index.digest);
  });

  test.skipIf(requireTool('docker-registry'))(
    'Debian’s registry mounts, and lists referrers under the fallback tag',
    async () => {
      await using registry = await startDebianRegistry();
      await push([`docker://${source.host}/team/app:v1`, `${registry.host}/first/app:v1`, '--referrers']);
      const args = [
        `docker://${registry.host}/first/app:v1`,
        `${registry.host}/second/app:v1`,
        '--referrers',
        '--json',
      ];
      const { code, stdout } = await push(args);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ digest: index.digest, totals: { uploaded: 0, bytesSent: 0 } });
      const tag = index.digest.replace(':', '-');
      const listed = await fetch(`${registry.url}/v2/second/app/manifests/${tag}`, {
        headers: { accept: index.mediaType },
      });
      const { manifests } = (await listed.json()) as { manifests: Descriptor[] };
      expect(manifests.map(({ digest, artifactType }) => ({ digest, artifactType }))).toEqual([
        { digest: signature.digest, artifactType: 'example/signature' },
      ]);
    },
  );
});

test('inspect shows an image of a registry, and what refers to it', async () => {
  const { code, stdout } = await runCli([
    'inspect',
    `docker://${source.host}/team/app:v1`,
    '--referrers',
    '--json',
    '--plain-http',
  ]);
  expect(code).toBe(0);
  const [item] = JSON.parse(stdout).items;
  expect(item).toMatchObject({ kind: 'index', digest: index.digest, names: [`${source.host}/team/app:v1`] });
  expect(item.referrers.map(({ digest }: Descriptor) => digest).sort()).toEqual(
    [signature.digest, cosign.digest].sort(),
  );
});

test('inspect lists the tags of the repository; not with --no-tags, and not where the registry denies them', async () => {
  const inspect = ['inspect', `docker://${source.host}/team/app:v1`, '--plain-http'];
  const listed = await runCli([...inspect, '--json']);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    kind: 'registry',
    tags: expect.arrayContaining(['v1']),
    moreTags: false,
  });
  expect((await runCli(inspect)).stdout).toMatch(/\ntags of the repository: .*\bv1\b/);

  const denied = source.misbehave({ match: { kind: 'tags' }, status: 403 });
  const without = await runCli([...inspect, '--no-tags']);
  expect([without.code, denied.hits]).toEqual([0, 0]);
  expect(without.stdout).not.toContain('tags of');
  const told = await runCli(inspect);
  denied.remove();
  expect(told).toMatchObject({ code: 0, stderr: expect.stringContaining('tags of the repository are not listed') });
});

async function push(args: readonly string[]): Promise<CliResult> {
  return await runCli(['push', ...args, '--plain-http', '--no-cache']);
}

async function childrenOf({ digest }: Descriptor): Promise<readonly Descriptor[]> {
  const held = await source.manifest('team/app', digest);
  return JSON.parse(new TextDecoder().decode(held?.bytes)).manifests;
}

/** Puts an artifact about `subject` into the source registry. */
async function refer(repository: string, subject: Descriptor, artifactType: string): Promise<Descriptor> {
  const { mediaType, digest, size } = subject;
  const manifest = buildOciManifest({
    config: emptyDescriptor,
    layers: [emptyDescriptor],
    artifactType,
    subject: { mediaType, digest, size },
  });
  const { bytes } = manifest;
  await source.seed(repository, { blobs: [encode('{}')], manifests: [{ bytes, mediaType: manifest.mediaType }] });
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: bytes.byteLength };
}

/** Cosign's way: no subject, but a tag made of the digest. */
async function tagLikeCosign(repository: string, subject: Descriptor): Promise<Descriptor> {
  const manifest = buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor], artifactType: 'cosign' });
  const { bytes, mediaType, digest } = manifest;
  await source.seed(repository, { manifests: [{ bytes, mediaType, tags: [tagOf(subject)] }] });
  return { mediaType, digest, size: bytes.byteLength };
}

function tagOf({ digest }: Descriptor): string {
  return `${digest.replace(':', '-')}.sig`;
}
