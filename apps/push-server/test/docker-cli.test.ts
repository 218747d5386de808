import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  type DebianRegistry,
  findTool,
  randomImage,
  requireTool,
  runTool,
  startDebianRegistry,
  startRegistry,
  writeDockerArchive,
} from '@slipway/testkit';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

const missing = requireTool('docker-registry');
/** Debian has no docker client of this age; where there is none, dockerode does the same below. */
const hasDocker = findTool('docker') !== undefined;

if (hasDocker) describe.skipIf(missing)('the real docker client', withDocker);

function withDocker(): void {
  let server: TestDaemon;
  let registry: DebianRegistry;
  let archive: string;
  let app: string;

  beforeAll(async () => {
    server = await startTestDaemon();
    registry = await startDebianRegistry();
    app = `${registry.host}/demo/app`;
    archive = join(server.folder.path, 'app.tar');
    const layers = [{ size: 300_000, kind: 'random' }, { size: 200_000 }] as const;
    const image = await randomImage({ seed: 'docker', layers });
    await writeDockerArchive(archive, [{ image, references: [`${app}:v1`, `${app}:v2`] }]);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  test('version and info: the server is met, and speaks the client’s version', async () => {
    const version = await server.docker('version', '--format', '{{.Server.APIVersion}} {{.Server.MinAPIVersion}}');
    expect([version.code, version.stdout]).toEqual([0, '1.51 1.24\n']);
    const info = await server.docker('info');
    expect(info.code).toBe(0);
    expect(info.stdout).toContain('Storage Driver: slipway');
    expect(info.stderr).toBe('');
  });

  test('load, images, tag, inspect', async () => {
    expect(await server.docker('load', '-i', archive)).toEqual({
      code: 0,
      stdout: `Loaded image: ${app}:v1\nLoaded image: ${app}:v2\n`,
      stderr: '',
    });
    const images = await server.docker('images', '--format', '{{.Repository}}:{{.Tag}}');
    expect(images.stdout).toBe(`${app}:v1\n${app}:v2\n`);
    expect((await server.docker('tag', `${app}:v1`, 'other/name:x')).code).toBe(0);
    const filtered = await server.docker('images', '-q', '--filter', 'reference=other/*');
    expect(filtered.stdout.trim().split('\n')).toHaveLength(1);
    const inspect = await server.docker('inspect', 'other/name:x');
    expect(JSON.parse(inspect.stdout)).toMatchObject([
      { RepoTags: [`${app}:v1`, `${app}:v2`, 'other/name:x'], Os: 'linux', RootFS: { Type: 'layers' } },
    ]);
    const none = await server.docker('inspect', 'nothing/here');
    expect([none.code, none.stderr.trim()]).toEqual([1, 'Error: No such object: nothing/here']);
    const unknown = await server.docker('tag', 'nothing/here', 'a:b');
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      'Error response from daemon: No such image: nothing/here:latest\n',
    ]);
  });

  test('push: layers, the tag’s digest, exit code 0; again: they are there already', async () => {
    const pushed = await server.docker('push', `${app}:v1`);
    expect([pushed.code, pushed.stderr]).toEqual([0, '']);
    const lines = pushed.stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`The push refers to repository [${app}]`);
    expect(lines.filter((line) => line.endsWith(': Preparing'))).toHaveLength(2);
    expect(lines.filter((line) => line.endsWith(': Pushed'))).toHaveLength(2);
    expect(lines.at(-1)).toMatch(/^v1: digest: sha256:[0-9a-f]{64} size: \d+$/);
    const again = await server.docker('push', `${app}:v1`);
    expect(again.code).toBe(0);
    const known = again.stdout.match(/^[0-9a-f]{12}: .*$/gm)?.map((line) => line.slice(14));
    expect(known).toEqual(['Preparing', 'Preparing', 'Layer already exists', 'Layer already exists']);
    expect(again.stdout.trimEnd().split('\n').at(-1)).toBe(lines.at(-1));
    const [, digest] = /digest: (\S+)/.exec(pushed.stdout) ?? [];
    const inspect = await server.docker('inspect', '--format', '{{json .RepoDigests}}', `${app}:v1`);
    expect(JSON.parse(inspect.stdout)).toEqual([`${app}@${digest}`]);
  });

  test('push -a: every tag of the repository, in order', async () => {
    const { code, stdout } = await server.docker('push', '-a', app);
    expect(code).toBe(0);
    expect(stdout.match(/^v\d: digest:/gm)).toEqual(['v1: digest:', 'v2: digest:']);
  });

  test.each([
    [['push', 'demo/none'], 'An image does not exist locally with the tag: demo/none\n'],
    [['push', 'other/name:y'], 'tag does not exist: other/name:y\n'],
    [['push', '-a', 'demo/none'], 'An image does not exist locally with the tag: demo/none\n'],
  ])('%j fails in docker’s words, with exit code 1', async (args, text) => {
    const { code, stderr } = await server.docker(...args);
    expect([code, stderr]).toEqual([1, text]);
  });

  test('push --platform: what the image is not made for is refused', async () => {
    const { code, stderr } = await server.docker('push', '--platform', 'linux/arm64', `${app}:v1`);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)',
    );
    expect((await server.docker('push', '--platform', 'linux/amd64', `${app}:v1`)).code).toBe(0);
  });

  test('save: an archive that can be loaded again', async () => {
    const saved = join(server.folder.path, 'saved.tar');
    expect((await server.docker('save', '-o', saved, `${app}:v2`)).code).toBe(0);
    const { stdout } = await server.docker('load', '-i', saved);
    expect(stdout).toBe(`Loaded image: ${app}:v2\n`);
    const none = await server.docker('save', '-o', saved, 'nothing/here');
    expect([none.code, none.stderr]).toEqual([1, 'Error response from daemon: No such image: nothing/here\n']);
  });

  test('rmi: names first, then the image', async () => {
    await server.docker('rmi', `${app}:v1`);
    const { code, stdout } = await server.docker('rmi', `${app}:v2`);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Untagged: ${app}:v2\nUntagged: ${app}@sha256:[0-9a-f]{64}\n$`));
    const last = await server.docker('rmi', 'other/name:x');
    expect(last.stdout).toMatch(/^Untagged: other\/name:x\nDeleted: sha256:/);
    const gone = await server.docker('rmi', 'other/name:x');
    expect([gone.code, gone.stderr]).toEqual([1, 'Error response from daemon: No such image: other/name:x\n']);
  });

  test('events: what has happened, in order, with docker’s attributes', async () => {
    const until = String(Math.ceil(Date.now() / 1000));
    const { stdout } = await server.docker('events', '--since', '1h', '--until', until, '--format', '{{json .}}');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const actions = events.map(({ Action: action }) => action);
    expect(actions[0]).toBe('load');
    expect(new Set(actions)).toEqual(new Set(['load', 'save', 'tag', 'push', 'untag', 'delete']));
    expect(events.find(({ Action: action }) => action === 'push')).toMatchObject({
      Type: 'image',
      Actor: { ID: `${app}:v1`, Attributes: { name: app } },
      scope: 'local',
    });
    const pushes = await server.docker(
      'events',
      '--since',
      '1h',
      '--until',
      until,
      '-f',
      'event=push',
      '-f',
      `image=${app}`,
    );
    expect(
      pushes.stdout
        .trim()
        .split('\n')
        .every((line) => line.includes(' image push ')),
    ).toBe(true);
  });
}

if (hasDocker) {
  test.skipIf(missing)('login, then a push with those credentials alone', async () => {
    await using server = await startTestDaemon();
    await using registry = await startDebianRegistry({ users: { me: 'secret' } });
    const login = (password: string) =>
      runTool('bash', ['-c', `echo ${password} | docker login ${registry.host} -u me --password-stdin`], {
        env: {
          DOCKER_HOST: `unix://${server.socket}`,
          DOCKER_CONFIG: join(server.folder.path, 'docker'),
          HOME: server.folder.path,
        },
      });
    const archive = join(server.folder.path, 'a.tar');
    const reference = `${registry.host}/private/app:v1`;
    await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'login' }), references: [reference] }]);
    await server.docker('load', '-i', archive);

    const before = await server.docker('push', reference);
    expect([before.code, before.stderr]).toEqual([1, 'no basic auth credentials\n']);
    const wrong = await login('wrong');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('unauthorized');
    expect(await login('secret')).toMatchObject({ code: 0, stdout: expect.stringContaining('Login Succeeded') });
    expect((await server.docker('push', reference)).code).toBe(0);
    // The daemon has kept nothing: without the client's credentials the same push fails as it did before.
    const auth = await server.request('POST', `/v1.51/images/${registry.host}/private/app/push?tag=v1`, {
      headers: { 'x-registry-auth': 'e30=' },
    });
    expect(auth.body).toContain('no basic auth credentials');
    expect(JSON.stringify(server.log)).not.toContain('secret');
  });
}

test('a refused push is told in the registry’s words', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry({
    auth: { kind: 'bearer', users: { me: 'secret' }, allow: (_user, repository) => repository !== 'not/mine' },
  });
  const archive = join(server.folder.path, 'a.tar');
  const reference = `${registry.host}/not/mine:v1`;
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'denied' }), references: [reference] }]);
  await server.request('POST', '/images/load', { body: await readFile(archive) });
  const auth = Buffer.from(JSON.stringify({ username: 'me', password: 'secret' })).toString('base64url');
  const { status, body } = await server.request('POST', `/images/${reference.replace(':v1', '')}/push?tag=v1`, {
    headers: { 'x-registry-auth': auth },
  });
  expect(status).toBe(200);
  expect(body).toContain('denied: requested access to the resource is denied');
  expect(server.audits().at(-1)).toMatchObject({ action: 'push', outcome: 'failed', subject: reference });
});

test.skipIf(missing)('dockerode does all that the docker client does', async () => {
  await using server = await startTestDaemon();
  await using registry = await startDebianRegistry({ users: { me: 'secret' } });
  const app = `${registry.host}/demo/app`;
  const archive = join(server.folder.path, 'a.tar');
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'rode' }), references: [`${app}:v1`] }]);
  const client = new Docker({ socketPath: server.socket, version: 'v1.41' });
  const authconfig = { username: 'me', password: 'secret', serveraddress: registry.host };

  expect(await client.version()).toMatchObject({ ApiVersion: '1.51', MinAPIVersion: '1.24', Os: 'linux' });
  expect(await client.info()).toMatchObject({ Images: 0, Swarm: { LocalNodeState: 'inactive' } });
  const events = (await client.getEvents()) as NodeJS.ReadableStream & { destroy(): void };
  const load = async (stream: NodeJS.ReadableStream): Promise<string> => text(await client.loadImage(stream));
  expect(await load(createReadStream(archive))).toContain(`Loaded image: ${app}:v1`);
  await client.getImage(`${app}:v1`).tag({ repo: app, tag: 'v2' });
  const [image] = await client.listImages({ filters: { reference: [app] } });
  expect(image).toMatchObject({ RepoTags: [`${app}:v1`, `${app}:v2`], Containers: -1, VirtualSize: image?.Size });
  expect(await client.getImage(`${app}:v2`).inspect()).toMatchObject({ Id: image?.Id, Architecture: 'amd64' });
  expect(await client.checkAuth(authconfig)).toMatchObject({ Status: 'Login Succeeded' });
  await expect(client.checkAuth({ ...authconfig, password: 'wrong' })).rejects.toMatchObject({ statusCode: 401 });
  for (const [tag, authorised] of [
    ['v1', false],
    ['v1', true],
    [undefined, true],
  ] as const) {
    const push = await client.getImage(app).push({ ...(tag && { tag }), authconfig: authorised ? authconfig : {} });
    const records = await text(push);
    expect(records.includes('"error":"no basic auth credentials"')).toBe(!authorised);
    expect(records.includes('"aux":{"Tag":"v1"')).toBe(authorised);
    expect(records.includes('"aux":{"Tag":"v2"')).toBe(authorised && tag === undefined);
  }
  const saved = await client.getImage(`${app}:v2`).get();
  expect(await load(saved)).toContain(`Loaded image: ${app}:v2`);
  expect(await client.getImage(`${app}:v2`).remove()).toEqual([{ Untagged: `${app}:v2` }]);
  await expect(client.getImage('nothing/here').inspect()).rejects.toMatchObject({
    statusCode: 404,
    json: { message: 'No such image: nothing/here:latest' },
  });
  const heard: string[] = [];
  events.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
  await expect.poll(() => heard.join('')).toContain('"Action":"untag"');
  const closed = once(events, 'close');
  events.destroy();
  await closed;
  await expect.poll(() => server.daemon.context.events.subscribers).toBe(0);
});
