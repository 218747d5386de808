import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { recordsOf, startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

// A registry that writes what turns lines around, moves a terminal's cursor, and begins lines of its own.
const evil = 'see exe.\u202egnp \u001b[2J\u001b]0;owned\u0007 \nERROR forged\u0085 \u2066x';
const unsafe = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const registry = createServer((request, response) => {
  request.resume();
  response.writeHead(request.url === '/v2/' ? 200 : 403, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: evil }] }));
});

let server: TestDaemon;
let name: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  name = `127.0.0.1:${(registry.address() as AddressInfo).port}/t/app`;
  server = await startTestDaemon({ retries: 0 });
  const path = join(server.folder.path, 'a.tar');
  await writeDockerArchive(path, [{ image: await randomImage({ seed: 'a' }), references: [`${name}:v1`] }]);
  await server.request('POST', '/images/load?quiet=1', { body: await readFile(path) });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  registry.closeAllConnections();
  registry.close();
});

const json = { 'content-type': 'application/json' };
const submit = async (body: object): Promise<Record<string, unknown>> =>
  JSON.parse(
    (await server.request('POST', '/slipway/v1/jobs?wait=20s', { headers: json, body: JSON.stringify(body) })).body,
  ) as Record<string, unknown>;

/** All texts of a document, one line each. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

test('what a registry writes is one plain line for docker, in the job, in its events and on the page', async () => {
  const pushed = await server.request('POST', `/images/${name}/push?tag=v1`);
  const job = await submit({ image: `${name}:v1`, destinations: [`${name}:v2`] });
  const { body: status } = await server.request('GET', '/slipway/v1/status');
  const { body: push } = await server.request('GET', `/slipway/v1/pushes/${job['id']}`);
  const { body: events } = await server.request('GET', `/slipway/v1/jobs/${job['id']}/events`);
  const told = events.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []));
  const documents = [recordsOf(pushed.body), job, JSON.parse(status), JSON.parse(push), told];
  for (const document of documents) {
    const texts = textsOf(document);
    expect(texts.filter((text) => text.includes('ERROR forged'))).not.toEqual([]);
    expect(texts.filter((text) => unsafe.test(text))).toEqual([]);
  }
});

test('a label cannot hold what turns a line around', async () => {
  const image = `${name}:v1`;
  const destinations = [`${name}:v3`];
  const good = await submit({ image, destinations, labels: { team: 'Größe 漢字 🙂' } });
  expect(good['labels']).toEqual({ team: 'Größe 漢字 🙂' });
  for (const team of ['a\u202eb', 'a\nb', 'a\u001b[31m']) {
    expect(await submit({ image, destinations, labels: { team } })).toMatchObject({ code: 'ERR_SERVER_REQUEST' });
  }
});

test('a client is not told where the daemon has its files, nor what its system calls a failure', async () => {
  const { dataDir } = server.daemon.context.config;
  const index = join(dataDir, 'images', 'index.json');
  const answers: string[] = [];
  const ask = async (method: string, path: string, options = {}): Promise<void> => {
    const answer = await server.request(method, path, options);
    answers.push(answer.body);
  };
  await rm(index);
  await mkdir(index); // in the way of every operation
  for (const verb of ['json', 'history', 'get']) await ask('GET', `/images/${name}:v1/${verb}`);
  await ask('GET', '/images/json');
  await ask('POST', `/images/${name}/push?tag=v1`);
  await ask('POST', `/images/${name}:v1/tag?repo=${name}&tag=v9`);
  await ask('POST', '/images/load', { body: await readFile(join(server.folder.path, 'a.tar')) });
  await ask('POST', '/slipway/v1/jobs?wait=20s', {
    headers: json,
    body: JSON.stringify({ image: `${name}:v1`, destinations: [`${name}:v4`] }),
  });
  expect(answers.filter((body) => / in the image store: /.test(body)).length).toBeGreaterThan(5);
  expect(answers.filter((body) => body.includes(server.folder.path))).toEqual([]);
  expect(answers.filter((body) => /\bE[A-Z]{4,}: |syscall|node:/.test(body))).toEqual([]);
  // The log has both.
  expect(JSON.stringify(server.log)).toContain(server.folder.path);
});

test('tokens that are made and revoked stand in the audit, without their secret', async () => {
  const { tokens } = server.daemon.context;
  const { token, text } = await tokens.create({ name: 'ci', scopes: [parseScope('load')] });
  const lines = (): readonly unknown[] =>
    server.audits().flatMap(({ action, subject }) => (action === 'token' ? [subject] : []));
  await expect.poll(lines, { timeout: 15_000 }).toEqual([`create ${token.id}`]);
  await tokens.revoke(token.id);
  await expect.poll(lines, { timeout: 15_000 }).toEqual([`create ${token.id}`, `revoke ${token.id}`]);
  const [secret] = /(?<=^[^_]*_[^_]*_).+$/.exec(text) ?? []; // it may have `_` in itself
  expect(secret?.length).toBeGreaterThan(20);
  expect(JSON.stringify(server.log)).not.toContain(secret);
});
