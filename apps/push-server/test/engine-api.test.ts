import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { multiPlatformImage, randomImage, startRegistry, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

let server: TestDaemon;
let archive: Buffer;
const at = (name: string): string => join(server.folder.path, name);

beforeAll(async () => {
  server = await startTestDaemon();
  const image = await randomImage({ seed: 'api', config: { Env: ['A=1'], Labels: { team: 'blue', stage: 'test' } } });
  await writeDockerArchive(at('a.tar'), [{ image, references: ['demo/app:v1', 'demo/app:v2'] }]);
  archive = await readFile(at('a.tar'));
  await server.request('POST', '/images/load', { body: archive });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const messageOf = (body: string): unknown => (JSON.parse(body) as { readonly message?: unknown }).message;

test('every answer has docker’s headers, and an error is exactly application/json', async () => {
  for (const path of ['/_ping', '/v1.24/version', '/nowhere', '/images/no/json']) {
    const { headers } = await server.request('GET', path);
    expect(headers).toMatchObject({ 'api-version': '1.51', ostype: 'linux', 'docker-experimental': 'false' });
    expect(headers['server']).toMatch(/^Docker\/\S+ \(linux\)$/);
  }
  expect((await server.request('GET', '/images/no/json')).headers['content-type']).toBe('application/json');
  const ping = await server.request('HEAD', '/_ping');
  expect([ping.status, ping.headers['content-length'], ping.headers['content-type']]).toEqual([
    200,
    '0',
    'text/plain; charset=utf-8',
  ]);
});

describe('what is asked wrongly is answered in docker’s words', () => {
  test.each([
    ['GET', '/nowhere', 404, 'page not found'],
    ['GET', '/v1.51/containers/x/json', 404, 'No such container: x'],
    ['PUT', '/_ping', 404, 'page not found'],
    ['HEAD', '/version', 404, undefined],
    ['GET', '/images/a/history', 404, 'No such image: a:latest'],
    [
      'GET',
      '/v1.23/info',
      400,
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    ],
    ['GET', '/v1.52/info', 400, 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    ['GET', '/images/none/here/json', 404, 'No such image: none/here:latest'],
    ['GET', '/images/%zz/json', 400, 'the path of the request is no URL'],
    ['GET', '/images/UPPER/json', 400, expect.stringContaining('must be lowercase')],
    ['POST', '/images/demo/app:v1/tag?repo=UP&tag=x', 400, expect.stringContaining('must be lowercase')],
    ['POST', '/images/demo/app:v1/tag?repo=a&tag=-', 400, 'invalid tag format'],
    ['POST', `/images/demo/app@sha256:${'0'.repeat(64)}/push?tag=x`, 400, 'cannot import digest reference'],
    ['POST', '/images/UPPER/push?tag=x', 400, expect.stringContaining('must be lowercase')],
    [
      'POST',
      '/images/demo/app/push?tag=v1&platform=%7B%22os%22:%22linux%22%7D',
      400,
      'both OS and Architecture must be provided',
    ],
    ['POST', '/images/demo/app/push?tag=v1&platform=x', 400, expect.stringContaining('invalid platform')],
    ['GET', '/images/json?filters=%7B%22colour%22:%5B%22red%22%5D%7D', 400, "invalid filter 'colour'"],
    [
      'GET',
      '/images/json?filters=%7B%22dangling%22:%5B%22perhaps%22%5D%7D',
      400,
      "invalid filter 'dangling=[perhaps]'",
    ],
    ['GET', '/events?since=soon', 400, expect.stringContaining('failed to parse value as time or duration')],
    ['GET', '/images/get?names=none', 404, 'No such image: none'],
    ['DELETE', '/images/none', 404, 'No such image: none:latest'],
    ['POST', '/auth', 400, 'the body has to be an auth config'],
  ])('%s %s', async (method, path, status, message) => {
    const answer = await server.request(method, path);
    expect(answer.status).toBe(status);
    if (message !== undefined) expect(messageOf(answer.body)).toEqual(message);
  });
});

test('a login to what is no registry fails in docker’s words', async () => {
  await using registry = await startRegistry();
  registry.misbehave({ status: 404, body: '<html>Not found</html>' });
  const answer = await server.request('POST', '/auth', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'me', password: 'secret', serveraddress: registry.host }),
  });
  expect([answer.status, messageOf(answer.body)]).toEqual([
    500,
    `login attempt to http://${registry.host}/v2/ failed with status: 404 Not Found`,
  ]);
});

describe('the list of images', () => {
  test('in the newest form, with its keys in docker’s order', async () => {
    const { body } = await server.request('GET', '/images/json');
    const [image] = JSON.parse(body) as [Record<string, unknown>];
    const keys = ['Containers', 'Created', 'Id', 'Labels', 'ParentId', 'RepoDigests', 'RepoTags', 'SharedSize', 'Size'];
    expect(Object.keys(image)).toEqual(keys);
    expect(image).toMatchObject({ Containers: 0, Labels: { team: 'blue' }, RepoDigests: [], SharedSize: -1 });
  });

  test('in the form of older versions', async () => {
    const list = async (version: string): Promise<unknown> =>
      JSON.parse((await server.request('GET', `/v${version}/images/json`)).body);
    expect(await list('1.50')).toMatchObject([{ Containers: -1, RepoTags: ['demo/app:v1', 'demo/app:v2'] }]);
    expect(await list('1.44')).not.toMatchObject([{ VirtualSize: expect.anything() }]);
    expect(await list('1.43')).toMatchObject([{ VirtualSize: expect.any(Number) }]);
  });

  test.each([
    [{ reference: { 'demo/*': true } }, 1],
    [{ reference: ['demo/*:v9'] }, 0],
    [{ label: { team: true } }, 1],
    [{ label: ['team=blue', 'stage=test'] }, 1],
    [{ label: ['team=red'] }, 0],
    [{ dangling: ['true'] }, 0],
    [{ dangling: ['false'] }, 1],
    [{ before: ['demo/app:v1'] }, 0],
    [{ since: ['demo/app:v1'] }, 0],
    [{ until: ['2030-01-01T00:00:00Z'] }, 1],
    [{ until: ['2020-01-01T00:00:00Z'] }, 0],
  ])('with filters %j: %d', async (filters, count) => {
    const { status, body } = await server.request(
      'GET',
      `/images/json?filters=${encodeURIComponent(JSON.stringify(filters))}`,
    );
    expect([status, JSON.parse(body)]).toEqual([200, expect.toSatisfy((list: unknown[]) => list.length === count)]);
  });
});

describe('load', () => {
  test('tells of each layer, and of each tag; quietly, of the tags alone', async () => {
    await using other = await startTestDaemon();
    const { body, headers } = await other.request('POST', '/images/load', { body: archive });
    expect(headers['content-type']).toBe('application/json');
    const records = recordsOf(body);
    expect(records.filter(({ status }) => status === 'Loading layer').length).toBeGreaterThan(0);
    expect(records.slice(-2)).toEqual([
      { stream: 'Loaded image: demo/app:v1\n' },
      { stream: 'Loaded image: demo/app:v2\n' },
    ]);
    expect(recordsOf((await other.request('POST', '/images/load?quiet=1', { body: archive })).body)).toHaveLength(2);
  });

  test('a tag that moves, and an image without one, are told in docker’s words', async () => {
    const first = await randomImage({ seed: 'first' });
    const second = await randomImage({ seed: 'second' });
    const load = async (...images: Parameters<typeof writeDockerArchive>[1]): Promise<unknown[]> => {
      await writeDockerArchive(at('b.tar'), images);
      const { body } = await server.request('POST', '/images/load?quiet=1', { body: await readFile(at('b.tar')) });
      return recordsOf(body).map(({ stream }) => stream);
    };
    await load({ image: first, references: ['demo/moves:v1'] });
    expect(await load({ image: second, references: ['demo/moves:v1'] })).toEqual([
      `The image demo/moves:v1 already exists, renaming the old one with ID ${first.imageID} to empty string\n`,
      'Loaded image: demo/moves:v1\n',
    ]);
    const third = await randomImage({ seed: 'third' });
    expect(await load({ image: third })).toEqual([`Loaded image ID: ${third.imageID}\n`]);
  });

  test('of several platforms, the one that is asked for', async () => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ];
    const content = await multiPlatformImage(platforms, { seed: 'multi' });
    await writeOciArchive(at('multi.tar'), [{ content, refName: 'demo/multi:v1' }]);
    const body = await readFile(at('multi.tar'));
    const load = async (architecture: string): Promise<string> =>
      (
        await server.request(
          'POST',
          `/images/load?quiet=1&platform=${encodeURIComponent(JSON.stringify({ os: 'linux', architecture }))}`,
          { body },
        )
      ).body;
    expect(await load('arm64')).toContain('Loaded image');
    const arm = JSON.parse((await server.request('GET', '/images/demo/multi:v1/json')).body) as object;
    expect(arm).toMatchObject({ Architecture: 'arm64', Os: 'linux' });
    expect(recordsOf(await load('riscv64'))).toEqual([
      expect.objectContaining({ error: expect.stringContaining('linux/riscv64') }),
    ]);
  });

  test('an archive without an image is an error, and nobody takes it for loaded', async () => {
    await using other = await startTestDaemon();
    await writeOciArchive(at('none.tar'), []);
    const { body } = await other.request('POST', '/images/load', { body: await readFile(at('none.tar')) });
    expect(recordsOf(body)).toEqual([
      expect.objectContaining({ error: 'the archive holds no image: nothing was loaded' }),
    ]);
    await other.request('POST', '/images/load', { body: 'no archive '.repeat(1_000) });
    const failures = other.audits().map(({ outcome, details }) => [outcome, (details as { error: string }).error]);
    expect(failures).toEqual([
      ['failed', 'the archive holds no image: nothing was loaded'],
      ['failed', expect.stringContaining('the archive')],
    ]);
    expect(JSON.stringify(failures)).not.toContain('standard input');
  });

  test.each([
    ['nothing at all', ''],
    ['what is no archive', 'no archive '.repeat(1_000)],
  ])('%s is an error in the stream, with status 200', async (_, body) => {
    const answer = await server.request('POST', '/images/load', { body });
    expect(answer.status).toBe(200);
    expect(recordsOf(answer.body)).toEqual([expect.objectContaining({ error: expect.any(String) })]);
  });
});

describe('push', () => {
  test('one record after the other, as dockerd has them', async () => {
    await using registry = await startRegistry();
    const name = `${registry.host}/order/app`;
    await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
    const { status, headers, body } = await server.request('POST', `/v1.51/images/${name}/push?tag=v1`);
    expect([status, headers['content-type'], headers['transfer-encoding']]).toEqual([
      200,
      'application/json',
      'chunked',
    ]);
    const lines = body.split('\r\n');
    expect(lines[0]).toBe(`{"status":"The push refers to repository [${name}]"}`);
    expect(lines[1]).toMatch(/^\{"status":"Preparing","progressDetail":\{\},"id":"[0-9a-f]{12}"\}$/);
    const digest = (await registry.manifest('order/app', 'v1'))?.digest;
    const size = (await registry.manifest('order/app', 'v1'))?.bytes.byteLength;
    expect(lines.slice(-3)).toEqual([
      `{"status":"v1: digest: ${digest} size: ${size}"}`,
      `{"progressDetail":{},"aux":{"Tag":"v1","Digest":"${digest}","Size":${size}}}`,
      '',
    ]);
  });

  test('X-Meta headers reach the registry', async () => {
    await using registry = await startRegistry();
    const name = `${registry.host}/meta/app`;
    await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
    const headers = { 'X-Meta-Build': '42', 'X-Registry-Auth': 'e30=' };
    await server.request('POST', `/images/${name}/push?tag=v1`, { headers });
    expect(registry.tags('meta/app')).toEqual(['v1']);
    expect(registry.requests.every((request) => request.headers['x-meta-build'] === '42')).toBe(true);
  });

  test('a registry that knows schema 1 only is refused in docker’s words', async () => {
    await using registry = await startRegistry();
    const name = `${registry.host}/old/app`;
    await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
    registry.misbehave({
      match: { kind: 'manifest-put' },
      times: 1,
      status: 400,
      body: { errors: [{ code: 'TAG_INVALID' }] },
    });
    const { body } = await server.request('POST', `/images/${name}/push?tag=v1`);
    const error =
      '[DEPRECATED] support for pushing manifest v2 schema1 images has been removed. More information at https://docs.docker.com/registry/spec/deprecated-schema-v1/: tag invalid';
    expect(recordsOf(body).at(-1)).toEqual({ errorDetail: { message: error }, error });
  });

  test('a registry that is not there is told in docker’s words', async () => {
    const name = '127.0.0.1:1/gone/app';
    await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
    const { body } = await server.request('POST', `/images/${name}/push?tag=v1`);
    expect(recordsOf(body).at(-1)).toMatchObject({
      error: 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });

  test('the registry learns who the client is', async () => {
    await using registry = await startRegistry();
    const name = `${registry.host}/client/app`;
    await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
    const push = async (headers: Record<string, string>): Promise<ReadonlySet<string>> => {
      const from = registry.requests.length;
      await server.request('POST', `/images/${name}/push?tag=v1`, {
        headers: { 'X-Registry-Auth': 'e30=', ...headers },
      });
      return new Set(registry.requests.slice(from).map((request) => String(request.headers['user-agent'])));
    };
    const docker = await push({ 'User-Agent': 'Docker-Client/28.2.2 (linux)' });
    expect([...docker]).toEqual([
      expect.stringMatching(/^slipwayd\/\S+ UpstreamClient\(Docker-Client\/28\.2\.2 \\\(linux\\\)\)$/),
    ]);
    expect([...(await push({}))]).toEqual([expect.stringMatching(/^slipwayd\/\S+$/)]);
  });

  test.each([
    ['demo/none', '', 'An image does not exist locally with the tag: demo/none'],
    ['demo/none', '?tag=v1', 'An image does not exist locally with the tag: demo/none'],
    ['demo/app', '?tag=v9', 'tag does not exist: demo/app:v9'],
    [`demo/app@sha256:${'0'.repeat(64)}`, '', 'cannot push a digest reference'],
  ])('%s%s fails in the stream, after the first message', async (name, query, error) => {
    const { status, body } = await server.request('POST', `/images/${name}/push${query}`);
    expect(status).toBe(200);
    expect(recordsOf(body)).toEqual([
      { status: expect.stringMatching(/^The push refers to repository \[docker\.io\/demo\//) },
      { errorDetail: { message: error }, error },
    ]);
  });
});
