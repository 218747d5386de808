import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import {
  multiPlatformImage,
  randomImage,
  readBack,
  startRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let image: TestImage;
let other: TestImage;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  image = await randomImage({ seed: 'store', layers: [{ size: 200_000 }, {}] });
  other = await randomImage({ seed: 'other' });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1', 'demo/app:v2'] }]);
  await writeDockerArchive(at('other.tar'), [{ image: other, references: ['demo/app:v1'] }]);
  await writeDockerArchive(at('two.tar'), [{ image }, { image: other }]);
  await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
  const platforms = await multiPlatformImage([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  await writeOciLayout(at('multi'), [{ content: platforms, refName: 'demo/multi:v1' }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

let counter = 0;
/** Runs commands with a store of one test's own. */
function newStore(): (...args: readonly string[]) => Promise<CliResult> {
  counter += 1;
  const env = { SLIPWAY_DATA_DIR: at(`data-${counter}`), HOME: folder.path };
  return (...args) => runCli(args, { env });
}

describe('slipway load', () => {
  test('prints a line a name, as docker does', async () => {
    const slipway = newStore();
    const { code, stdout, lines } = await slipway('load', '-i', at('image.tar'));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Loaded image: demo/app:v1\nLoaded image: demo/app:v2\n',
    });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^[0-9a-f]{12}: Loaded \d+ kB$/);
    const again = await slipway('load', at('image.tar'));
    expect(again.lines.every((line) => line.endsWith(': Layer already exists'))).toBe(true);
  });

  test('standard input is the source where none is named', async () => {
    const env = { SLIPWAY_DATA_DIR: at('data-stdin') };
    const { code, stdout } = await runCli(['load', '-q'], { env, input: createReadStream(at('other.tar')) });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Loaded image: demo/app:v1\n' });
  });

  test('an image without a name is told by its ID, or named by --tag', async () => {
    const slipway = newStore();
    expect((await slipway('load', at('layout'))).stdout).toBe(`Loaded image ID: ${image.imageID}\n`);
    const named = await slipway('load', at('layout'), '--tag', 'demo/app', '--tag', 'ghcr.io/me/app:1');
    expect(named.stdout).toBe('Loaded image: demo/app:latest\nLoaded image: ghcr.io/me/app:1\n');
  });

  test('a name that moves is told', async () => {
    const slipway = newStore();
    await slipway('load', at('image.tar'));
    const { lines } = await slipway('load', at('other.tar'));
    expect(lines).toContain(
      `The image demo/app:v1 already exists, renaming the old one with ID ${image.imageID} to empty string`,
    );
  });

  test.each([
    ['a source given twice', ['-i', 'a', 'b'], 2, 'the source is given twice'],
    ['--tag for several images', ['two.tar', '-t', 'a'], 2, '--tag names one'],
    ['a bad --tag', ['image.tar', '-t', 'A B'], 2, 'is no reference'],
    ['a source that is not there', ['none.tar'], 4, 'no such file or folder'],
  ])('%s', async (_, args, code, message) => {
    const { SLIPWAY_DATA_DIR } = { SLIPWAY_DATA_DIR: at('data-wrong') };
    const result = await runCli(['load', ...args], { env: { SLIPWAY_DATA_DIR }, folder: folder.path });
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(message);
  });
});

describe('slipway images, tag, rmi', () => {
  test('images are listed for people and for programs', async () => {
    const slipway = newStore();
    expect((await slipway('images')).stdout).toBe('REPOSITORY  TAG  IMAGE ID  CREATED  SIZE\n');
    await slipway('load', at('image.tar'));
    await slipway('load', at('multi'));
    const { stdout } = await slipway('images', 'demo/*');
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
    const short = image.imageID.slice(7, 19);
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual(
      expect.stringMatching(new RegExp(`^demo/app +v2 +${short} +2026-01-01 00:00 +\\d+ kB$`)),
    );
    expect((await slipway('images', 'demo/multi')).stdout.trimEnd().split('\n')).toHaveLength(2);
    expect((await slipway('images', '-q', 'demo/app:v1')).stdout).toBe(`${image.imageID}\n`);
    const records = (await slipway('images', '--json', 'demo/app')).stdout.trimEnd().split('\n');
    expect(records.map((line) => JSON.parse(line))).toEqual([
      {
        id: image.imageID,
        kind: 'image',
        tags: ['demo/app:v1', 'demo/app:v2'],
        digests: [],
        created: '2026-01-01T00:00:00Z',
        platform: 'linux/amd64',
        labels: {},
        size: expect.any(Number),
        manifest: { mediaType: expect.any(String), digest: expect.any(String), size: expect.any(Number) },
      },
    ]);
  });

  test('names come and go, and the image goes with its last', async () => {
    const slipway = newStore();
    await slipway('load', at('image.tar'));
    expect(await slipway('tag', image.imageID.slice(7, 19), 'ghcr.io/me/app')).toMatchObject({ code: 0, stdout: '' });
    const conflict = await slipway('rmi', image.imageID);
    expect(conflict).toMatchObject({ code: 1, stdout: '' });
    expect(conflict.stderr).toContain('(must be forced) - image is referenced in multiple repositories');
    expect((await slipway('rmi', 'demo/app:v1', 'ghcr.io/me/app')).stdout).toBe(
      'Untagged: demo/app:v1\nUntagged: ghcr.io/me/app:latest\n',
    );
    const last = await slipway('rmi', '-f', image.imageID);
    expect(last.stdout).toMatch(
      /^Untagged: demo\/app:v2\nDeleted: sha256:.*\nDeleted: sha256:.*\nDeleted: sha256:.*\n$/,
    );
    expect((await slipway('images', '-q')).stdout).toBe('');
  });

  test.each([
    ['tag', ['demo/none', 'demo/app'], 4],
    ['tag', ['demo/none', 'UPPER'], 2],
    ['rmi', ['demo/none'], 4],
    ['save', ['demo/none', '-o', '/dev/null/x'], 4],
    ['images', ['[-x]'], 0],
  ])('slipway %s %j ends with its own code', async (command, args, code) => {
    expect((await newStore()(command, ...args)).code).toBe(code);
  });

  test('rmi goes on after a failure and keeps its code', async () => {
    const slipway = newStore();
    await slipway('load', at('other.tar'));
    const { code, stdout, stderr } = await slipway('rmi', 'demo/none', 'demo/app:v1');
    expect(code).toBe(4);
    expect(stdout).toContain('Untagged: demo/app:v1\n');
    expect(stderr).toContain('slipway: No such image: demo/none:latest');
  });
});

describe('what the store holds is pushed as it was before', () => {
  test('an image of a docker archive as docker would push it; the digest is noted', async () => {
    await using registry = await startRegistry();
    const slipway = newStore();
    await slipway('load', at('image.tar'));
    const reference = `${registry.host}/demo/app:v1`;
    const { code, stdout } = await slipway('push', 'store:demo/app:v1', reference);
    expect(code).toBe(0);
    const direct = await newStore()('push', at('image.tar'), `${registry.host}/demo/direct:v1`);
    expect(stdout.split('@')[1]).toBe(direct.stdout.split('@')[1]);
    const back = await readBack(registry.host, 'demo/app', 'v1');
    expect(back.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    expect(back.config?.digest).toBe(image.imageID);
    const [record] = (await slipway('images', '--json')).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(record.digests).toEqual([stdout.trimEnd()]);
  });

  test('an index with its own digest', async () => {
    await using registry = await startRegistry();
    const slipway = newStore();
    await slipway('load', at('multi'));
    const { stdout } = await slipway('push', 'store:demo/multi:v1', `${registry.host}/demo/multi:v1`);
    const index = JSON.parse(await readFile(at('multi/index.json'), 'utf8'));
    expect(stdout).toBe(`${registry.host}/demo/multi@${index.manifests[0].digest}\n`);
  });

  test('all tags of a repository', async () => {
    await using registry = await startRegistry();
    const slipway = newStore();
    await slipway('load', at('image.tar'));
    const { code, stdout } = await slipway('push', '-a', 'store:demo/app', `${registry.host}/demo/app`);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    await readBack(registry.host, 'demo/app', 'v2');
  });

  test('an image that is not there is a source that is missing', async () => {
    const { code, stderr } = await newStore()('push', 'store:demo/none', '127.0.0.1:1/demo/app');
    expect(code).toBe(4);
    expect(stderr).toContain('slipway: No such image: demo/none:latest');
  });

  test('saved to a file and inspected from the store', async () => {
    const slipway = newStore();
    await slipway('load', at('image.tar'));
    const saving = await slipway('save', 'demo/app', '-o', at('saved.tar'));
    expect(saving).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const inspected = JSON.parse((await slipway('inspect', '--json', at('saved.tar'))).stdout);
    expect(inspected.items).toMatchObject([{ names: ['demo/app:v1', 'demo/app:v2'] }]);
    const stored = JSON.parse((await slipway('inspect', '--json', 'store:demo/app:v2')).stdout);
    expect(stored).toMatchObject({ kind: 'store', items: [{ config: { digest: image.imageID } }] });
    const elsewhere = { SLIPWAY_DATA_DIR: at('no-images'), HOME: folder.path };
    await runCli(['load', at('image.tar'), '--data-dir', at('named')], { env: elsewhere });
    const args = ['inspect', 'store:demo/app:v1', '--data-dir', at('named'), '--json'];
    expect(JSON.parse((await runCli(args, { env: elsewhere })).stdout)).toMatchObject({ kind: 'store' });
  });
});

describe('docker-daemon:', () => {
  test('with --all-tags every tag of the repository is pushed, without latest too', async () => {
    await using registry = await startRegistry();
    await writeDockerArchive(at('repository.tar'), [
      { image, references: ['team/web:a', 'team/web:b'] },
      { image: other, references: ['team/web:c'] },
    ]);
    const daemon = createServer((request, response) => {
      if (request.url === '/images/team/web/get') createReadStream(at('repository.tar')).pipe(response);
      else response.writeHead(404).end(JSON.stringify({ message: `No such image: ${request.url}` }));
    });
    await new Promise<void>((resolve) => {
      daemon.listen(at('all-tags.sock'), resolve);
    });
    try {
      const env = { DOCKER_HOST: `unix://${at('all-tags.sock')}` };
      const place = `${registry.host}/team/web`;
      const pushed = await runCli(['push', 'docker-daemon:team/web', place, '--all-tags', '--quiet'], { env });
      expect([pushed.code, pushed.stdout.trim().split('\n').length]).toEqual([0, 3]);
      expect([...registry.tags('team/web')].sort()).toEqual(['a', 'b', 'c']);
      const one = await runCli(['push', 'docker-daemon:team/web:a', place, '--all-tags'], { env });
      expect(one).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('leave the tag off') });
    } finally {
      daemon.close();
      daemon.closeAllConnections();
    }
  });

  test('an image comes over the socket that DOCKER_HOST names', async () => {
    await using registry = await startRegistry();
    const daemon = createServer((request, response) => {
      if (request.url === '/images/demo/app:v1/get') createReadStream(at('image.tar')).pipe(response);
      else response.writeHead(404).end(JSON.stringify({ message: `No such image: ${request.url}` }));
    });
    await new Promise<void>((resolve) => {
      daemon.listen(at('docker.sock'), resolve);
    });
    const env = { DOCKER_HOST: `unix://${at('docker.sock')}`, SLIPWAY_DATA_DIR: at('data-daemon') };
    const destination = `${registry.host}/demo/app:v1`;
    const pushed = await runCli(['push', 'docker-daemon:demo/app:v1', destination], { env });
    expect(pushed).toMatchObject({ code: 0, stdout: expect.stringContaining('@sha256:') });
    expect(pushed.stderr).toContain('Writing docker-daemon:demo/app:v1 to ');
    const absent = await runCli(['push', 'docker-daemon:demo/none', destination], { env });
    expect(absent).toMatchObject({ code: 4, stderr: expect.stringContaining('has no image "demo/none:latest"') });
    daemon.close();
    daemon.closeAllConnections();
    const unreachable = await runCli(['push', 'docker-daemon:demo/app:v1', destination], { env });
    expect(unreachable).toMatchObject({ code: 4, stderr: expect.stringContaining('Cannot reach the Docker daemon') });
  });
});
