import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
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

test('a damaged file lets nobody in', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'tokens.json'), '{"tokens":[{}]}');
  const tokens = openTokenStore({ folder: folder.path });
  await expect(tokens.list()).rejects.toMatchObject({ code: 'ERR_SERVER_TOKEN' });
});
