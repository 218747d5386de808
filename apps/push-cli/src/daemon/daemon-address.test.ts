import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../environment.ts';
import { findDaemon } from './daemon-address.ts';

const find = async (named: string | undefined, variables: NodeJS.ProcessEnv = {}): ReturnType<typeof findDaemon> =>
  await findDaemon(named, readEnvironment({ HOME: '/nonexistent', ...variables }));

test.each<[string, object]>([
  ['unix:///run/x.sock', { text: 'unix:///run/x.sock', socketPath: '/run/x.sock' }],
  ['npipe:////./pipe/slipway', { socketPath: '//./pipe/slipway' }],
  ['tcp://farm:1234', { text: 'tcp://farm:1234', url: new URL('http://farm:1234/') }],
  ['tcp://farm', { url: new URL('http://farm:2375/') }],
  ['tcp://[::1]:80', { url: new URL('http://[::1]:80/') }],
  ['https://farm', { url: new URL('https://farm/') }],
  ['https://user:secret@farm/', { text: 'https://farm' }],
])('%s', async (named, expected) => {
  expect(await find(named)).toMatchObject(expected);
});

test('is the environment’s, else that of this machine', async () => {
  expect(await find(undefined)).toMatchObject({ socketPath: '/run/slipway.sock' });
  expect(await find(undefined, { SLIPWAY_HOST: 'unix:///a' })).toMatchObject({ socketPath: '/a' });
  expect(await find('unix:///b', { SLIPWAY_HOST: 'unix:///a' })).toMatchObject({ socketPath: '/b' });
});

test.each(['unix://', 'ssh://farm', 'tcp://', 'http://'])('%s leads nowhere', async (named) => {
  await expect(find(named)).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
});

describe('a token', () => {
  test.each(['unix:///run/x.sock', 'https://farm', 'tcp://127.0.0.1:2375', 'http://localhost:1', 'tcp://[::1]:1'])(
    'goes to %s',
    async (named) => {
      expect(await find(named, { SLIPWAY_TOKEN: 'secret' })).toMatchObject({ token: 'secret' });
    },
  );

  test.each(['tcp://farm:2375', 'http://farm', 'tcp://127.0.0.1.example'])('does not go to %s', async (named) => {
    const found = find(named, { SLIPWAY_TOKEN: 'secret' });
    await expect(found).rejects.toMatchObject({
      code: 'ERR_CLI_USAGE',
      message: expect.not.stringContaining('secret'),
      hint: expect.stringContaining('tunnel'),
    });
  });
});

test.each(['secret\n', 'secret\r\n', ' secret ', '\tsecret'])('a token is what stands in %j', async (token) => {
  expect(await find('https://farm', { SLIPWAY_TOKEN: token })).toMatchObject({ token: 'secret' });
});

test.each(['sec\nret', 'sec ret', '\n', 'secrét', 'sec\u0000ret'])('%j is no token', async (token) => {
  await expect(find('https://farm', { SLIPWAY_TOKEN: token })).rejects.toMatchObject({
    code: 'ERR_CLI_USAGE',
    message: 'SLIPWAY_TOKEN does not hold one token and nothing else',
  });
});

describe('with files', () => {
  test('a token is read from where it is renewed', async () => {
    await using folder = await makeFolder();
    const file = join(folder.path, 'token');
    const ask = (further = {}) => find('https://farm', { SLIPWAY_TOKEN_FILE: file, ...further });
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
    await writeFile(file, 'a.b.c\n');
    expect(await ask()).toMatchObject({ token: 'a.b.c' });
    await expect(ask({ SLIPWAY_TOKEN: 'other' })).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
    for (const content of ['', 'secret second', 'secret\r\nX-Header: y\n']) {
      await writeFile(file, content);
      await expect(ask()).rejects.toMatchObject({ message: expect.not.stringContaining('secret') });
    }
  });

  test('of certificates, tcp is TLS', async () => {
    await using folder = await makeFolder();
    await expect(find('tcp://farm', { SLIPWAY_CERT_PATH: folder.path })).rejects.toMatchObject({
      code: 'ERR_CLI_USAGE',
    });
    await writeFile(join(folder.path, 'ca.pem'), 'PEM');
    expect(await find('tcp://farm', { SLIPWAY_CERT_PATH: folder.path, SLIPWAY_TOKEN: 'secret' })).toMatchObject({
      url: new URL('https://farm:2376/'),
      tls: { ca: 'PEM' },
    });
  });

  test('of docker, a context is found by its name', async () => {
    await using folder = await makeFolder();
    const name = createHash('sha256').update('farm').digest('hex'); // as docker names its folders
    const meta = join(folder.path, 'contexts/meta', name);
    await mkdir(meta, { recursive: true });
    const endpoint = { Name: 'farm', Endpoints: { docker: { Host: 'tcp://farm:9', SkipTLSVerify: true } } };
    await writeFile(join(meta, 'meta.json'), JSON.stringify(endpoint));
    const variables = { DOCKER_CONFIG: folder.path };
    expect(await find('farm', variables)).toMatchObject({
      url: new URL('https://farm:9/'),
      tls: { rejectUnauthorized: false },
    });
    await expect(find('other', variables)).rejects.toMatchObject({
      code: 'ERR_CLI_USAGE',
      message: 'There is no docker context "other"',
      hint: expect.stringMatching(/tcp:\/\/HOST:PORT.*SLIPWAY_HOST.*docker context ls/),
    });
    await writeFile(join(meta, 'meta.json'), '{');
    await expect(find('farm', variables)).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
  });
});

async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'slipway-address-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
