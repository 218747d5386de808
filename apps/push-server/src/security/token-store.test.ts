import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { startTestDaemon } from '../../test/daemon-fixture.ts';
import { openTokenStore } from './token-store.ts';

test('a token is known by its text alone, which is kept nowhere', async () => {
  await using folder = await temporaryFolder();
  const tokens = openTokenStore({ folder: folder.path });
  const { token, text } = await tokens.create({ name: 'ci', scopes: [{ kind: 'load' }] });
  expect(await tokens.verify(text)).toEqual(token);
  expect(await tokens.verify(text)).toEqual(token); // from memory now
  const flipped = text.slice(0, -1) + (text.endsWith('A') ? 'B' : 'A');
  for (const other of [flipped, text.slice(1), '', 'slipway_', `slipway_${'0'.repeat(12)}_${'a'.repeat(43)}`]) {
    expect(await tokens.verify(other)).toBeUndefined();
  }
  const file = join(folder.path, 'tokens.json');
  const secret = text.split('_').slice(2).join('_');
  expect(await readFile(file, 'utf8')).not.toContain(secret);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('what another process revokes is worthless at once', async () => {
  await using folder = await temporaryFolder();
  const tokens = openTokenStore({ folder: folder.path });
  const { token, text } = await tokens.create({ name: 'ci', scopes: [{ kind: 'admin' }] });
  await tokens.verify(text);
  await openTokenStore({ folder: folder.path }).revoke(token.id);
  expect(await tokens.verify(text)).toBeUndefined();
  expect(await tokens.list()).toEqual([]);
  await expect(tokens.revoke(token.id)).rejects.toMatchObject({ code: 'ERR_SERVER_TOKEN' });
});

test('a token ends when it was to end', async () => {
  await using folder = await temporaryFolder();
  let now = 1_000_000;
  const tokens = openTokenStore({ folder: folder.path, now: () => now });
  const { text } = await tokens.create({ name: 'ci', scopes: [{ kind: 'admin' }], expiresInMs: 1_000 });
  expect(await tokens.verify(text)).toBeDefined();
  now += 1_000;
  expect(await tokens.verify(text)).toBeUndefined();
});

test('a token that was made once counts, whatever becomes of the file and of the folder', async () => {
  await using folder = await temporaryFolder();
  const place = join(folder.path, 'data');
  await mkdir(place);
  const tokens = openTokenStore({ folder: place });
  expect(await tokens.areUsed()).toBe(false);
  await openTokenStore({ folder: place }).create({ name: 'ci', scopes: [{ kind: 'load' }] }); // another process
  expect(await tokens.areUsed()).toBe(true);
  await rm(join(place, 'tokens.json'));
  expect(await tokens.areUsed()).toBe(true);
  await rm(place, { recursive: true });
  expect(await tokens.areUsed()).toBe(true);
  await expect(openTokenStore({ folder: place }).areUsed()).rejects.toMatchObject({ status: 503 });
});

test.each([
  ['the file', (data: string) => join(data, 'tokens.json')],
  ['the folder', (data: string) => data],
])('a listener of the loopback goes on asking when %s goes away', async (_name, placeOf) => {
  await using server = await startTestDaemon();
  expect((await server.request('GET', '/info', { tcp: true })).status).toBe(200);
  const { dataDir } = server.daemon.context.config;
  await server.daemon.context.tokens.create({ name: 'ci', scopes: [{ kind: 'load' }], expiresInMs: undefined });
  await rm(placeOf(dataDir), { recursive: true });
  expect((await server.request('GET', '/info', { tcp: true })).status).toBe(401);
  expect((await server.request('POST', '/images/prune', { tcp: true })).status).toBe(401);
});

test('a damaged file lets nobody in', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'tokens.json'), '{"tokens":[{}]}');
  const tokens = openTokenStore({ folder: folder.path });
  await expect(tokens.list()).rejects.toMatchObject({ code: 'ERR_SERVER_TOKEN' });
});
