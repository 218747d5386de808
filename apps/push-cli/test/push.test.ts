import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import {
  multiPlatformImage,
  randomImage,
  readBack,
  requireTool,
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
import { type CliOptions, type CliResult, runCli, startCli } from './run-cli.ts';

let folder: TemporaryFolder;
let image: TestImage;
let other: TestImage;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  image = await randomImage({ seed: 'one', layers: [{ size: 300_000 }, { size: 50_000, kind: 'random' }, {}] });
  other = await randomImage({ seed: 'two' });
  const platforms = await multiPlatformImage([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  const named = [{ image, references: ['demo/app:v1', 'demo/app:v2'] }];
  await writeDockerArchive(at('old.tar'), named, { layout: 'old' });
  await writeDockerArchive(at('new.tar'), named);
  await writeDockerArchive(at('new.tar.gz'), named, { compression: 'gzip' });
  await writeDockerArchive(at('two.tar'), [...named, { image: other, references: ['demo/web:v3'] }]);
  await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
  await writeOciArchive(at('archive.oci'), [{ content: image, refName: 'v1' }]);
  await writeOciLayout(at('index'), [{ content: platforms, refName: 'multi' }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

const sources = ['old.tar', 'new.tar', 'new.tar.gz', 'layout', 'archive.oci'];
const line = (host: string, repository: string): RegExp =>
  new RegExp(`^${host}/${repository}@(sha256:[0-9a-f]{64})\n$`);

describe('every kind of source arrives whole', () => {
  test.each(sources)('%s in the embedded registry', async (source) => {
    await using registry = await startRegistry();
    const { code, stdout } = await push([at(source), `${registry.host}/demo/app:v1`]);
    expect(code).toBe(0);
    const [, digest] = line(registry.host, 'demo/app').exec(stdout) ?? [];
    const back = await readBack(registry.host, 'demo/app', 'v1');
    expect(back.digest).toBe(digest);
    expect(back.config?.digest).toBe(image.imageID);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    await registry.verify();
  });

  const missing = requireTool('docker-registry', 'skopeo');
  test.skipIf(missing).each(sources)('%s in Debian’s registry, read back by skopeo', async (source) => {
    await using registry = await startDebianRegistry();
    const { code, stdout } = await push([at(source), `${registry.host}/demo/app:v1`]);
    expect(code).toBe(0);
    const [, digest] = line(registry.host, 'demo/app').exec(stdout) ?? [];
    const reference = `docker://${registry.host}/demo/app:v1`;
    const inspected = JSON.parse((await skopeo(['inspect', '--tls-verify=false', reference])).stdout);
    expect(inspected.Digest).toBe(digest);
    await using copy = await temporaryFolder();
    const copied = await skopeo(['copy', '--src-tls-verify=false', reference, `dir:${copy.path}`]);
    expect(copied.code).toBe(0);
    const manifest = JSON.parse(await readFile(join(copy.path, 'manifest.json'), 'utf8'));
    expect(manifest.config.digest).toBe(image.imageID);
    const config = JSON.parse(await readFile(join(copy.path, image.imageID.slice('sha256:'.length)), 'utf8'));
    expect(config.rootfs.diff_ids).toEqual(image.layers.map(({ diffID }) => diffID));
  });

  test('an archive on standard input', async () => {
    await using registry = await startRegistry();
    const input = createReadStream(at('old.tar'));
    const { code } = await push(['-', `${registry.host}/demo/app:v1`], { input });
    expect(code).toBe(0);
    expect((await readBack(registry.host, 'demo/app', 'v1')).config?.digest).toBe(image.imageID);
  });

  test('an image of a Docker daemon', async () => {
    await using registry = await startRegistry();
    const socket = at('docker.sock');
    const daemon = createServer(({ url }, answer) => {
      if (url === '/images/demo/app:v1/get') createReadStream(at('new.tar')).pipe(answer);
      else answer.writeHead(404).end('{"message":"No such image: nope"}');
    });
    await once(daemon.listen(socket), 'listening');
    const env = { DOCKER_HOST: `unix://${socket}` };
    expect((await push(['docker-daemon:demo/app:v1', `${registry.host}/demo/app:v1`], { env })).code).toBe(0);
    expect((await readBack(registry.host, 'demo/app', 'v1')).config?.digest).toBe(image.imageID);

    const missing = await push(['docker-daemon:nope', `${registry.host}/demo/app:v1`], { env });
    expect([missing.code, missing.lines[0]]).toEqual([
      4,
      `slipway: The Docker daemon at unix://${socket} has no image "nope:latest": No such image: nope`,
    ]);
    await new Promise((closed) => daemon.close(closed));
    const gone = await push(['docker-daemon:demo/app:v1', `${registry.host}/demo/app:v1`], { env });
    expect([gone.code, gone.lines[0]]).toEqual([
      4,
      `slipway: Cannot reach the Docker daemon at unix://${socket}: ENOENT`,
    ]);
  });

  test('an image or an index of another registry', async () => {
    await using from = await startRegistry();
    await using registry = await startRegistry();
    expect((await push([at('new.tar'), `${from.host}/demo/app:v1`])).code).toBe(0);
    expect((await push([at('index'), `${from.host}/demo/app:all`])).code).toBe(0);
    for (const tag of ['v1', 'all']) {
      const { code } = await push([
        `docker://${from.host}/demo/app:${tag}`,
        `${registry.host}/copy:${tag}`,
        '--no-cache',
      ]);
      expect(code).toBe(0);
      const [original, copy] = [await readBack(from.host, 'demo/app', tag), await readBack(registry.host, 'copy', tag)];
      expect(copy.digest).toBe(original.digest);
    }
    const missing = await push([`docker://${from.host}/demo/app:v9`, `${registry.host}/copy:v9`]);
    expect(missing.code).toBe(4);
    expect(missing.lines[0]).toContain(`There is no docker://${from.host}/demo/app:v9 in the registry`);
  });

  test('an index, whole or one platform of it', async () => {
    await using registry = await startRegistry();
    expect((await push([at('index'), `${registry.host}/demo/app:all`])).code).toBe(0);
    expect((await readBack(registry.host, 'demo/app', 'all')).children).toHaveLength(2);
    const args = [at('index'), `${registry.host}/demo/app:arm`, '--platform', 'linux/arm64'];
    expect((await push(args)).code).toBe(0);
    expect((await readBack(registry.host, 'demo/app', 'arm')).kind).toBe('image');
  });
});

describe('what is there is not sent again', () => {
  test('by a second run, with a data folder and without', async () => {
    await using registry = await startRegistry();
    const args = [at('new.tar'), `${registry.host}/demo/app:v1`, '--json'];
    for (const more of [[], ['--no-cache']]) {
      const first = JSON.parse((await push([...args, ...more])).stdout);
      registry.clearRequests();
      const second = JSON.parse((await push([...args, ...more])).stdout);
      expect(second).toMatchObject({ digest: first.digest, unchanged: true, totals: { uploaded: 0, bytesSent: 0 } });
      expect(registry.requests.filter(({ method }) => method === 'POST' || method === 'PUT')).toEqual([]);
    }
  });

  test('a dry run changes nothing and says what would be', async () => {
    await using registry = await startRegistry();
    const { code, lines, stdout } = await push([at('new.tar'), `${registry.host}/demo/app:v1`, '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toMatch(line(registry.host, 'demo/app'));
    expect(lines.at(-1)).toMatch(/^Would send .* \(4 blobs\)/);
    expect(registry.repositories()).toEqual([]);
    expect(registry.requests.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });
});

describe('several destinations', () => {
  test('each has its line, in the order asked for', async () => {
    await using registry = await startRegistry();
    const names = ['c', 'a', 'b'].map((name) => `${registry.host}/${name}`);
    const { code, stdout } = await push([at('new.tar'), ...names]);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((text) => text.split('@')[0]),
    ).toEqual(names);
  });

  test('each fails by itself, and the first failure decides the code', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { repository: 'denied' }, status: 403 });
    const names = [`${registry.host}/fine:v1`, '127.0.0.1:1/down:v1', `${registry.host}/denied:v1`];
    const { code, stdout, lines } = await push([at('new.tar'), ...names, '--retries', '0', '--json']);
    expect(code).toBe(5);
    const records = stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(records.map(({ reference }) => reference)).toEqual(names);
    expect(records.map(({ error }) => error?.code)).toEqual([
      undefined,
      'ERR_REGISTRY_UNREACHABLE',
      'ERR_REGISTRY_DENIED',
    ]);
    expect(lines.filter((text) => text.startsWith('slipway: ')).map((text) => text.split(': ')[1])).toEqual(
      names.slice(1),
    );
    expect(registry.tags('fine')).toEqual(['v1']);
  });
});

describe('several images in one source', () => {
  test('none is guessed', async () => {
    await using registry = await startRegistry();
    const { code, lines } = await push([at('two.tar'), `${registry.host}/demo/app`]);
    expect(code).toBe(2);
    expect(lines[0]).toContain('holds 2 images: demo/app:v1, demo/web:v3');
    expect(registry.requests).toEqual([]);
  });

  test('one is named', async () => {
    await using registry = await startRegistry();
    const source = `docker-archive:${at('two.tar')}:demo/web:v3`;
    expect((await push([source, `${registry.host}/demo/web:v3`])).code).toBe(0);
    expect((await readBack(registry.host, 'demo/web', 'v3')).config?.digest).toBe(other.imageID);
  });

  test('--all-tags pushes the tags of that repository, and those of others only with --into', async () => {
    await using registry = await startRegistry();
    const refused = await push([at('two.tar'), `${registry.host}/x`, '--all-tags']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--into');
    expect(registry.tags('x')).toEqual([]);
    const own = await push([at('two.tar'), `${registry.host}/demo/web`, '--all-tags']);
    expect([own.code, registry.tags('demo/web')]).toEqual([0, ['v3']]);
    const { code, stdout } = await push([at('two.tar'), `${registry.host}/x`, '--all-tags', '--into']);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect([...registry.tags('x')].sort()).toEqual(['v1', 'v2', 'v3']);
  });
});

describe('streams', () => {
  test('--quiet leaves the result alone', async () => {
    await using registry = await startRegistry();
    const { stdout, stderr } = await push([at('new.tar'), `${registry.host}/demo/app`, '--quiet']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(line(registry.host, 'demo/app'));
  });

  test('--progress json makes every line of standard error an object', async () => {
    await using registry = await startRegistry();
    const args = [at('new.tar'), `${registry.host}/demo/app`, '--progress', 'json'];
    const events = (await push(args)).lines.map((text) => JSON.parse(text).type);
    expect(events.at(0)).toBe('push:started');
    expect(events.at(-1)).toBe('push:finished');
    expect(events).toContain('blob:pushed');
  });

  test('--verbose prints every request', async () => {
    await using registry = await startRegistry();
    const { lines } = await push([at('new.tar'), `${registry.host}/demo/app`, '--verbose']);
    expect(lines.filter((text) => /^(?:GET|HEAD|POST|PUT|PATCH) http:/.test(text))).toHaveLength(
      registry.requests.length,
    );
  });

  test('--digest-file has the digest and nothing else', async () => {
    await using registry = await startRegistry();
    const args = [at('new.tar'), `${registry.host}/demo/app`, '--digest-file', at('digest')];
    const { stdout } = await push(args);
    expect(await readFile(at('digest'), 'utf8')).toBe(`${stdout.trim().split('@')[1]}\n`);
  });

  test('a reader that goes away is no failure', async () => {
    await using registry = await startRegistry();
    const child = startCli(['push', at('new.tar'), `${registry.host}/demo/app`, '--plain-http', '--no-cache']);
    child.stdout.destroy();
    child.stderr.destroy();
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
    expect(registry.tags('demo/app')).toEqual(['latest']);
  });
});

/** Pushes with a data folder that the tests share. */
async function push(args: readonly string[], options?: CliOptions): Promise<CliResult> {
  const env = { SLIPWAY_DATA_DIR: at('data'), ...options?.env };
  return await runCli(['push', ...args, '--plain-http'], { ...options, env });
}
