import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTrustKey } from '@slipway/manifest/schema1';
import { temporaryFolder } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openTrustKey } from './trust-key-file.ts';

describe('the trust key of a data folder', () => {
  test('is made once, for its owner only, with its public half beside it', async () => {
    await using folder = await temporaryFolder();
    const data = join(folder.path, 'new', 'data');
    const key = await openTrustKey({ folder: data });
    expect((await openTrustKey({ folder: data })).id).toBe(key.id);
    expect((await stat(join(data, 'key.json'))).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(join(data, 'public-key.json'), 'utf8'))).toEqual(key.jwk);
    expect((await readdir(data)).sort()).toEqual(['key.json', 'public-key.json']);
  });

  test('is the same for all who make it at once', async () => {
    await using folder = await temporaryFolder();
    const keys = await Promise.all(Array.from({ length: 8 }, () => openTrustKey({ folder: folder.path })));
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
    expect((await readdir(folder.path)).sort()).toEqual(['key.json', 'public-key.json']);
  });

  test('may be PEM', async () => {
    await using folder = await temporaryFolder();
    const key = createTrustKey();
    await writeFile(join(folder.path, 'key.json'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect((await openTrustKey({ folder: folder.path })).id).toBe(key.id);
  });

  test('is not replaced when it cannot be read', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'key.json'), 'nonsense');
    await expect(openTrustKey({ folder: folder.path })).rejects.toMatchObject({ code: 'ERR_TRUST_KEY_INVALID' });
    expect(await readFile(join(folder.path, 'key.json'), 'utf8')).toBe('nonsense');
  });
});
