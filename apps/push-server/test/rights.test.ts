import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseScope } from '../src/security/scope.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from './daemon-fixture.ts';

// Nothing listens there: what is allowed fails later, and is not refused.
const registry = '127.0.0.1:1';
const own = `${registry}/team-a/app`;
const foreign = `${registry}/team-b/secret`;

let server: TestDaemon;
const archives = new Map<string, Buffer>();
beforeAll(async () => {
  server = await startTestDaemon();
  for (const name of [own, foreign]) {
    const path = join(server.folder.path, 'image.tar');
    await writeDockerArchive(path, [{ image: await randomImage({ seed: name }), references: [`${name}:v1`] }]);
    archives.set(name, await readFile(path));
    await server.request('POST', '/images/load?quiet=1', { body: archives.get(name) });
  }
});
// A name that was given with every right gives rights itself: the next cell begins without it.
afterEach(async () => {
  for (const name of [`${own}:stolen`, `${foreign}:stolen`]) {
    await server.request('DELETE', `/images/${name}`);
  }
});
afterAll(() => server[Symbol.asyncDispose]());

const principals = {
  admin: ['admin'],
  loader: ['load'],
  team: [`load:${registry}/team-a/**`, `push:${registry}/team-a/**`],
  pusher: [`push:${registry}/team-a/**`],
  stranger: ['push:ghcr.io/other/*'],
} as const;
type Name = keyof typeof principals;

const submit = (image: string, destination: string) => (headers: Record<string, string>) =>
  server.request('POST', '/slipway/v1/jobs', {
    tcp: true,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ image, destinations: [`${destination}:job`] }),
  });
const post = (path: string) => (headers: Record<string, string>) =>
  server.request('POST', path, { tcp: true, headers });
const get = (path: string) => (headers: Record<string, string>) => server.request('GET', path, { tcp: true, headers });
const load = (name: string) => (headers: Record<string, string>) =>
  server.request('POST', '/images/load?quiet=1', { tcp: true, headers, body: archives.get(name) });

const operations: Readonly<Record<string, (headers: Record<string, string>) => Promise<TestResponse>>> = {
  'load own': load(own),
  'load foreign': load(foreign),
  'tag own as own': post(`/images/${own}:v1/tag?repo=${own}&tag=again`),
  'tag own as foreign': post(`/images/${own}:v1/tag?repo=${foreign}&tag=stolen`),
  'tag foreign as own': post(`/images/${foreign}:v1/tag?repo=${own}&tag=stolen`),
  'save own': get(`/images/get?names=${own}:v1`),
  'save foreign': get(`/images/${foreign}:v1/get`),
  'push own': post(`/images/${own}/push?tag=v1`),
  'push foreign': post(`/images/${foreign}/push?tag=v1`),
  'job own to own': submit(`${own}:v1`, own),
  'job own to foreign': submit(`${own}:v1`, foreign),
  'job foreign to own': submit(`${foreign}:v1`, own),
  'job from a registry, own to own': submit(`docker://${own}:v1`, own),
  'job from a registry, own to foreign': submit(`docker://${own}:v1`, foreign),
  'job from a registry, foreign to own': submit(`docker://${foreign}:v1`, own),
  'begin an upload': (headers) =>
    server.request('POST', '/slipway/v1/uploads', { tcp: true, headers: { ...headers, 'upload-length': '1' } }),
};

/** By operation: who may. Everybody else is refused. */
const allowed: Readonly<Record<string, readonly Name[]>> = {
  'load own': ['admin', 'loader', 'team'],
  'load foreign': ['admin', 'loader'],
  'tag own as own': ['admin', 'loader', 'team', 'pusher'],
  'tag own as foreign': ['admin', 'loader'],
  'tag foreign as own': ['admin', 'loader'],
  'save own': ['admin', 'loader', 'team'],
  'save foreign': ['admin', 'loader'],
  'push own': ['admin', 'team', 'pusher'],
  'push foreign': ['admin'],
  'job own to own': ['admin', 'team', 'pusher'],
  'job own to foreign': ['admin'],
  'job foreign to own': ['admin'],
  'job from a registry, own to own': ['admin', 'team', 'pusher'],
  'job from a registry, own to foreign': ['admin'],
  'job from a registry, foreign to own': ['admin'],
  'begin an upload': ['admin', 'team', 'pusher', 'stranger'],
};

const cells = Object.keys(operations).flatMap((operation) =>
  (Object.keys(principals) as Name[]).map((name) => [operation, name] as const),
);

test.each(cells)('%s by %s', async (operation, name) => {
  const scopes = principals[name].map(parseScope);
  const { text } = await server.daemon.context.tokens.create({ name: `${name} ${operation}`, scopes });
  const answer = await operations[operation]?.({ authorization: `Bearer ${text}` });
  const isRefused = answer?.status === 403 || answer?.body.includes('"errorDetail":{"message":"forbidden');
  expect([operation, name, isRefused === true]).toEqual([operation, name, !allowed[operation]?.includes(name)]);
  // Whatever was tried, the foreign image is what it was.
  const { id } = await server.daemon.context.store.inspect(`${foreign}:v1`);
  expect(id).toBe((await randomImage({ seed: foreign })).imageID);
});

test('what a refused job held is let go of', async () => {
  const { text } = await server.daemon.context.tokens.create({ name: 'x', scopes: [parseScope(principals.pusher[0])] });
  const before = await server.daemon.context.store.heldKeys();
  expect((await submit(`${foreign}:v1`, own)({ authorization: `Bearer ${text}` })).status).toBe(403);
  expect((await server.daemon.context.store.heldKeys()).filter((key) => !before.includes(key))).toEqual([]);
});
