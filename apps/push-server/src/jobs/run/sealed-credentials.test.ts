import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { openCredentialSeal } from './sealed-credentials.ts';

const auths = new Map([['ghcr.io', { username: 'ci', password: 'hunter2' }]]);

test('what was sealed for a job opens for that job, also after the daemon was started again', async () => {
  await using folder = await temporaryFolder();
  const sealed = (await openCredentialSeal(folder.path)).seal('job', auths);
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toMatch(/hunter2|ghcr/);
  const again = await openCredentialSeal(folder.path);
  expect(again.open('job', sealed)).toEqual(auths);
  expect((await stat(join(folder.path, 'credentials.key'))).mode & 0o777).toBe(0o600);
});

test('it opens for no other job, with no other key, and not when it was changed', async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  const seal = await openCredentialSeal(folder.path);
  const sealed = seal.seal('job', auths);
  expect(() => seal.open('other', sealed)).toThrow();
  const bytes = Buffer.from(sealed, 'base64');
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
  expect(() => seal.open('job', bytes.toString('base64'))).toThrow();
  expect(() => seal.open('job', '')).toThrow();
  const stranger = await openCredentialSeal(other.path);
  expect(() => stranger.open('job', sealed)).toThrow();
});

test('daemons that make the key at the same time get the same one; a damaged one is told', async () => {
  await using folder = await temporaryFolder();
  const seals = await Promise.all(Array.from({ length: 8 }, () => openCredentialSeal(folder.path)));
  const sealed = seals[0]?.seal('job', auths) ?? '';
  for (const seal of seals) expect(seal.open('job', sealed)).toEqual(auths);
  const file = join(folder.path, 'credentials.key');
  await writeFile(file, (await readFile(file)).subarray(1));
  await expect(openCredentialSeal(folder.path)).rejects.toThrow('damaged');
});
