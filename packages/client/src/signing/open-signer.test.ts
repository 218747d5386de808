import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool, type TemporaryFolder, temporaryFolder } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSigning, parseIdentity } from './open-signer.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const plain = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
const secret = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'pw' }) as string;
const payload = new TextEncoder().encode('{}');
let folder: TemporaryFolder;
let plainFile: string;
let secretFile: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  plainFile = join(folder.path, 'plain.key');
  secretFile = join(folder.path, 'secret.key');
  await writeFile(plainFile, plain);
  await writeFile(secretFile, secret);
});
afterAll(() => folder[Symbol.asyncDispose]());

test('nothing is signed without a key', async () => {
  expect(await openSigning({}, { variables: {} })).toBeUndefined();
});

test('a signer that is handed in is taken, whatever it is', async () => {
  const signer = { sign: async () => ({ bytes: payload }), verify: async () => false };
  expect(await openSigning({ signer, signIdentity: 'app:1' }, { variables: {} })).toEqual({
    signer,
    identity: 'docker.io/library/app:1',
  });
});

test('what a key has signed, it knows again; what another has signed, or for another image, it does not', async () => {
  const own = await openSigning({ signKey: plainFile }, { variables: {} });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'sec1' });
  const others = await openSigning({ signKey: 'env://KEY' }, { variables: { KEY: other as string } });
  const signature = await own!.signer.sign(payload);
  expect(await own!.signer.verify(payload, signature)).toBe(true);
  expect(await others!.signer.verify(payload, signature)).toBe(false);
  expect(await own!.signer.verify(new Uint8Array(3), signature)).toBe(false);
  expect(await own!.signer.verify(payload, { bytes: new Uint8Array(7) })).toBe(false);
});

describe('the password is', () => {
  const nobody = (): Promise<string> => expect.unreachable('nobody is to be asked') as never;
  test('that of COSIGN_PASSWORD, before anybody is asked', async () => {
    const variables = { COSIGN_PASSWORD: 'pw' };
    await openSigning({ signKey: secretFile }, { variables, signKeyPassword: nobody });
  });

  test('asked for where COSIGN_PASSWORD is not set', async () => {
    await openSigning({ signKey: secretFile }, { variables: {}, signKeyPassword: async () => 'pw' });
  });

  test('the empty one where COSIGN_PASSWORD is empty, as cosign has it', async () => {
    const opening = openSigning(
      { signKey: secretFile },
      { variables: { COSIGN_PASSWORD: '' }, signKeyPassword: nobody },
    );
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining('cannot be decrypted') });
  });
});

describe('is refused:', () => {
  test.each<[string, () => string, string]>([
    ['a file that is not there', () => join(folder.path, 'none.key'), 'the key cannot be read: ENOENT'],
    ['a folder', () => folder.path, 'the key cannot be read: EISDIR'],
    ['a file without an end', () => '/dev/zero', 'is too long for a key'],
    ['a variable that is not set', () => 'env://NONE', 'the variable NONE holds no key'],
    ['a key of a service', () => 'awskms:///alias/x', 'keys of awskms:// are not known'],
    ['the key itself', () => plain, 'a key was given where the name of its file is wanted'],
  ])('%s', async (_name, signKey, message) => {
    const opening = openSigning({ signKey: signKey() }, { variables: {} });
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_CLIENT_SIGN_KEY',
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
    await opening.catch((error: Error) => expect(error.message).not.toContain('BEGIN'));
  });
});

test('a key that comes through a pipe is read, and one that never comes is given up', async () => {
  const pipe = join(folder.path, 'pipe.key');
  await runTool('mkfifo', [pipe]);
  const written = writeFile(pipe, plain);
  const signing = await openSigning({ signKey: pipe }, { variables: {} });
  await written;
  expect(signing?.signer).toBeDefined();
  const reason = new Error('enough');
  const controller = new AbortController();
  const opening = openSigning({ signKey: pipe }, { variables: {}, signal: controller.signal });
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
});

describe('an identity', () => {
  test.each([
    ['app:1', 'docker.io/library/app:1'],
    ['ghcr.io/me/app:1.0', 'ghcr.io/me/app:1.0'],
    [`ghcr.io/me/app@sha256:${'a'.repeat(64)}`, `ghcr.io/me/app@sha256:${'a'.repeat(64)}`],
  ])('%s is written out as %s', (text, identity) => {
    expect(parseIdentity(text)).toBe(identity);
  });

  test.each([
    ['ghcr.io/me/app', 'needs a tag or a digest'],
    ['ghcr.io/Me/app:1', 'is no reference'],
    ['', 'is no reference'],
  ])('%j is refused: it %s', (text, message) => {
    expect(() => parseIdentity(text)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_OPTION', message: expect.stringContaining(message) }),
    );
  });
});
