import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest, type RequestListener } from 'node:http';
import { join } from 'node:path';
import {
  type AuthOptions,
  type Misbehaviour,
  randomImage,
  refusingProxy,
  secretFormsIn,
  startRegistry,
  temporaryFolder,
  type WireQuirks,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

const password = 'S3cr3t-PaSS-word';
const secrets = [password, 'wr0ng-PaSS-word', `alice:${password}`];
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const page = (title: string): string =>
  `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>`;
const error = (code: string, message: string): object => ({ errors: [{ code, message }] });
const bearer: AuthOptions = { kind: 'bearer', users: { alice: password } };
const basic: AuthOptions = { kind: 'basic', users: { alice: password } };

let server: TestDaemon;
beforeAll(async () => {
  server = await startTestDaemon({ retries: 0 });
  const image = await randomImage({ seed: 'odd daemon', layers: [{ size: 20_000, kind: 'random' }] });
  const archive = join(server.folder.path, 'a.tar');
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
  await server.request('POST', '/images/load', { body: await readFile(archive) });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** One odd registry, and what the client is told. */
interface Row {
  readonly name: string;
  readonly auth?: AuthOptions;
  readonly rules?: readonly Misbehaviour[];
  /** What the client sends for a password; false to send none. @default the right one */
  readonly password?: string | false;
  readonly says: readonly (string | RegExp)[];
}

const rows: readonly Row[] = [
  {
    name: 'a password that its token server refuses',
    auth: bearer,
    password: 'wr0ng-PaSS-word',
    says: [/401|unauthorized/i],
  },
  { name: 'a password that it refuses itself', auth: basic, password: 'wr0ng-PaSS-word', says: [/unauthorized|401/i] },
  { name: 'no credentials where some are wanted', auth: basic, password: false, says: ['no basic auth credentials'] },
  {
    name: 'a token server that answers with a sign-in page',
    auth: bearer,
    rules: [{ match: { kind: 'token' }, status: 200, body: page('Sign in - Corporate SSO') }],
    says: [/token/i],
  },
  {
    name: 'a token server that is not there',
    auth: bearer,
    rules: [{ match: { kind: 'token' }, status: 404, body: page('404 Not Found') }],
    says: ['404'],
  },
  {
    name: 'a token server that repeats the password',
    auth: bearer,
    rules: [{ match: { kind: 'token' }, status: 401, body: { details: `bad password ${password} of alice` } }],
    says: ['bad password'],
  },
  {
    name: 'a 403 with a reason',
    auth: basic,
    rules: [
      {
        match: { kind: ['mount', 'upload-start'] },
        status: 403,
        body: error('DENIED', 'the quota of 10 MiB is used up'),
      },
    ],
    says: ['the quota of 10 MiB is used up'],
  },
  {
    name: 'a 403 page of a firewall',
    rules: [{ match: { kind: ['mount', 'upload-start'] }, status: 403, body: page('Request blocked') }],
    says: [/Request blocked/],
  },
  {
    name: '401 without a challenge on everything',
    rules: [{ status: 401, body: error('UNAUTHORIZED', 'authentication required'), omitHeaders: ['www-authenticate'] }],
    says: [/unauthorized/i],
  },
  {
    name: 'web pages on everything',
    rules: [{ status: 200, body: page('Welcome to the hotel'), omitHeaders: ['docker-distribution-api-version'] }],
    says: [/web page|no Location/],
  },
  {
    name: 'a manifest that is refused with a reason',
    rules: [
      {
        match: { kind: 'manifest-put' },
        status: 400,
        body: error('MANIFEST_INVALID', 'layers[0] is not allowed by the policy'),
      },
    ],
    says: ['not allowed by the policy'],
  },
  {
    name: 'a ping that leads in circles',
    rules: [{ match: { kind: 'ping' }, status: 301, headers: { location: '/v2/' } }],
    says: [/redirect/],
  },
  {
    name: 'a connection that is reset at every upload',
    rules: [{ match: { kind: ['upload-put', 'upload-patch'] }, reset: true }],
    says: [/closed|reset|ECONNRESET/],
  },
];

describe('a registry with', () => {
  test.each(rows.map((row) => [row.name, row] as const))(
    '%s is told to the client, and the daemon goes on',
    async (_, row) => {
      await using registry = await startRegistry({ auth: row.auth });
      for (const rule of row.rules ?? []) registry.misbehave(rule);
      const { records, text } = await push(`${registry.host}/demo/app`, row.password ?? password);
      expect(records.at(-1)).toHaveProperty('error');
      for (const words of row.says) expect(text).toMatch(words);
      expect(registry.tags('demo/app')).toEqual([]);
      expect(secretFormsIn(text + JSON.stringify(server.log), secrets)).toEqual([]);
      expect((await server.request('GET', '/_ping')).status).toBe(200);
    },
  );
});

describe('HTTP of a registry that', () => {
  test.each<[string, Partial<WireQuirks>, AuthOptions]>([
    ['says 100 Continue before everything', { interim: [100, 103] }, bearer],
    ['ends its lines with line feeds, and tells each length twice', { lineEnd: 'lf', length: 'twice' }, basic],
    ['codes its tokens', { coding: 'gzip' }, bearer],
    ['tells a length beside chunks', { length: 'beside-chunks' }, basic],
    ['resets connections that are used again', { requestsPerConnection: 1 }, bearer],
  ])('%s is taken', async (_, wire, auth) => {
    await using registry = await startRegistry({ auth, quirks: { wire } });
    const { records, text } = await push(`${registry.host}/demo/app`, password);
    expect(records.at(-1), text).not.toHaveProperty('error');
    expect(registry.tags('demo/app')).toEqual(['v1']);
    await registry.verify();
  });
});

test('after all of them a good registry gets the image', async () => {
  await using registry = await startRegistry({ auth: bearer });
  const { records, text } = await push(`${registry.host}/demo/app`, password);
  expect(records.at(-1), text).not.toHaveProperty('error');
  expect(registry.tags('demo/app')).toEqual(['v1']);
  await registry.verify();
});

test('a registry that never answers holds its own client only, and lets go of it', async () => {
  await using silent = await startRegistry();
  await using good = await startRegistry();
  silent.misbehave({ match: { kind: ['mount', 'upload-start'] }, stall: true });
  await tagAs(`${silent.host}/demo/app`);
  const waiting = httpRequest({
    socketPath: server.socket,
    method: 'POST',
    path: `/images/${silent.host}/demo/app/push?tag=v1`,
    headers: { 'x-registry-auth': base64('{}') },
    agent: false,
  });
  waiting.on('error', () => {}); // the client leaves on purpose
  waiting.end();
  await expect.poll(() => silent.requests.length).toBeGreaterThan(0);
  const { records } = await push(`${good.host}/demo/app`, password);
  expect(records.at(-1)).not.toHaveProperty('error');
  waiting.destroy();
  expect((await server.request('GET', '/_ping')).status).toBe(200);
});

describe("a proxy of the daemon's user", () => {
  test.each<[string, RequestListener, RegExp]>([
    ['refuses the password', (_, response) => void response.writeHead(407).end(page('407')), /proxy|407/i],
    ['cannot reach the registry', (_, response) => void response.writeHead(503).end(page('corporate gateway')), /503/],
  ])('that %s is told, without its password', async (_, listener, words) => {
    await using proxy = await refusingProxy({ tunnel: '503 Service Unavailable', onRequest: listener });
    await using daemon = await startTestDaemon({ retries: 0, insecureRegistries: ['0.0.0.0/0', 'registry.corp.test'] });
    const address = `http://bob:${encodeURIComponent(password)}@${proxy.host}`;
    await mkdir(join(daemon.folder.path, '.docker'));
    const config = { proxies: { default: { httpProxy: address, httpsProxy: address } } };
    await writeFile(join(daemon.folder.path, '.docker/config.json'), JSON.stringify(config));
    const image = await randomImage({ seed: 'proxied', layers: [{ size: 1_000, kind: 'random' }] });
    const archive = join(daemon.folder.path, 'a.tar');
    await writeDockerArchive(archive, [{ image, references: ['registry.corp.test/demo/app:v1'] }]);
    await daemon.request('POST', '/images/load', { body: await readFile(archive) });
    const { body } = await daemon.request('POST', '/images/registry.corp.test/demo/app/push?tag=v1', {
      headers: { 'x-registry-auth': base64('{}') },
    });
    expect(recordsOf(body).at(-1)).toHaveProperty('error');
    expect(body).toMatch(words);
    expect(secretFormsIn(body + JSON.stringify(daemon.log), secrets)).toEqual([]);
  });
});

test('a job whose credential helper is not there ends, and says so in time', async () => {
  await using registry = await startRegistry({ auth: basic });
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'auth.json');
  await writeFile(file, JSON.stringify({ credHelpers: { [registry.host]: 'nowhere' }, auths: null }));
  await using named = await startTestDaemon({ retries: 0, jobCredentials: [`ci=${file}`] });
  const archive = join(named.folder.path, 'a.tar');
  const image = await randomImage({ seed: 'job', layers: [{ size: 1_000, kind: 'random' }] });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
  await named.request('POST', '/images/load', { body: await readFile(archive) });
  const answer = await named.request('POST', '/slipway/v1/jobs', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      image: 'demo/app:v1',
      destinations: [`${registry.host}/demo/app:1`],
      credentialsName: 'ci',
    }),
  });
  expect(answer.status, answer.body).toBe(201);
  const { id } = JSON.parse(answer.body);
  const events = await named.request('GET', `/slipway/v1/jobs/${id}/events`);
  expect(events.body).toMatch(/fail/i);
});

async function push(
  name: string,
  secret: string | false,
): Promise<{ readonly records: readonly Record<string, unknown>[]; readonly text: string }> {
  await tagAs(name);
  const auth = secret === false ? {} : { username: 'alice', password: secret };
  const { body } = await server.request('POST', `/images/${name}/push?tag=v1`, {
    headers: { 'x-registry-auth': base64(JSON.stringify(auth)) },
  });
  return { records: recordsOf(body), text: body };
}

async function tagAs(name: string): Promise<void> {
  const { status } = await server.request('POST', `/images/demo/app:v1/tag?repo=${encodeURIComponent(name)}&tag=v1`);
  expect(status).toBe(201);
}
