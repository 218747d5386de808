import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, scryptSync } from 'node:crypto';
import nacl from 'tweetnacl';
import { describe, expect, test } from 'vitest';
import { readPrivateKey } from './private-key.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const password = 'correct horse';

interface CosignKeyOptions {
  readonly label?: string;
  readonly N?: number;
  readonly der?: Uint8Array;
  readonly change?: (envelope: Record<string, never>) => object;
}

/** As cosign encrypts it, with another implementation of its cipher. */
function cosignKey({ label = 'ENCRYPTED SIGSTORE PRIVATE KEY', N = 1024, der, change }: CosignKeyOptions = {}): string {
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const key = scryptSync(password, salt, 32, { N, r: 8, p: 1, maxmem: 256 * 1024 * 1024 });
  const ciphertext = nacl.secretbox(der ?? privateKey.export({ format: 'der', type: 'pkcs8' }), nonce, key);
  const envelope = {
    kdf: { name: 'scrypt', params: { N, r: 8, p: 1 }, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  };
  const text = JSON.stringify(change?.(envelope as never) ?? envelope);
  const lines = Buffer.from(text).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

const pemOf = (key: KeyObject, type: 'pkcs8' | 'sec1', secret = ''): string =>
  key.export(
    secret === '' ? { format: 'pem', type } : { format: 'pem', type, cipher: 'aes-256-cbc', passphrase: secret },
  ) as string;

const read = (pem: string, secret: string | undefined = password): Promise<KeyObject> =>
  readPrivateKey(pem, { name: 'my.key', password: async () => secret });

describe('the same key is read from', () => {
  test.each([
    ['cosign’s file', () => cosignKey()],
    ['cosign’s file of before 2.0', () => cosignKey({ label: 'ENCRYPTED COSIGN PRIVATE KEY', N: 32_768 })],
    ['cosign’s file at its present strength', () => cosignKey({ N: 65_536 })],
    ['PKCS#8', () => pemOf(privateKey, 'pkcs8')],
    ['SEC 1', () => pemOf(privateKey, 'sec1')],
    ['encrypted PKCS#8', () => pemOf(privateKey, 'pkcs8', password)],
    ['encrypted SEC 1', () => pemOf(privateKey, 'sec1', password)],
    ['a file with a text and parameters before it', () => `a note\n\n${pemOf(privateKey, 'sec1')}`],
  ])('%s', async (_name, pem) => {
    const key = await read(pem());
    expect(createPublicKey(key).equals(createPublicKey(privateKey))).toBe(true);
  });
});

test('nobody is asked for the password of a key that has none', async () => {
  const asked: string[] = [];
  await readPrivateKey(pemOf(privateKey, 'pkcs8'), { name: 'k', password: async () => asked.push('?').toString() });
  expect(asked).toEqual([]);
});

describe('is refused, with nothing of its text in the message:', () => {
  const damaged = 'damaged: it holds no whole key';
  const wrong = 'the password is wrong, or the key is damaged';
  const envelopeWith = (change: object) => cosignKey({ change: (envelope) => ({ ...envelope, ...change }) });
  const params = (values: object) => envelopeWith({ kdf: { name: 'scrypt', params: values, salt: 'AAAA' } });
  test.each<[string, () => string, string, string?]>([
    ['a wrong password', () => cosignKey(), wrong, 'wrong'],
    ['an empty password that is not it', () => cosignKey(), wrong, ''],
    ['a wrong password of PKCS#8', () => pemOf(privateKey, 'pkcs8', password), wrong, 'wrong'],
    ['a changed ciphertext', () => envelopeWith({ ciphertext: Buffer.alloc(200, 7).toString('base64') }), wrong],
    ['a decrypted text that is no key', () => cosignKey({ der: new Uint8Array(80) }), damaged],
    [
      'no JSON',
      () => '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----',
      damaged,
    ],
    ['JSON of null', () => cosignKey({ change: () => [] }), 'in a way that is not known'],
    ['another cipher', () => envelopeWith({ cipher: { name: 'aes', nonce: '' } }), 'in a way that is not known'],
    ['a nonce of another length', () => envelopeWith({ cipher: { name: 'nacl/secretbox', nonce: 'AAAA' } }), damaged],
    ['a derivation that would take 16 GiB', () => params({ N: 2 ** 24, r: 8, p: 1 }), damaged],
    ['a derivation that would take all day', () => params({ N: 1024, r: 8, p: 1_000_000 }), damaged],
    ['a derivation of no size', () => params({ N: 0, r: 8, p: 1 }), damaged],
    ['a derivation of an odd size', () => params({ N: 1000, r: 8, p: 1 }), damaged],
    [
      'a public key',
      () => createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }) as string,
      'a public key',
    ],
    ['no PEM', () => 'c2VjcmV0', 'holds no private key in PEM'],
    ['a key that is cut off', () => pemOf(privateKey, 'pkcs8').replace(/.{30}\n-----END/, '\n-----END'), damaged],
    ['P-384', () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'pkcs8'), 'kind secp384r1'],
    ['ed25519', () => pemOf(generateKeyPairSync('ed25519').privateKey, 'pkcs8'), 'kind ed25519'],
    ['RSA', () => pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'pkcs8'), 'kind rsa'],
  ])('%s', async (_name, pem, message, secret = password) => {
    const text = pem();
    const error = await read(text, secret).then(
      () => expect.unreachable('it was read'),
      (cause: Error) => cause,
    );
    expect(error).toMatchObject({ code: 'ERR_CLIENT_SIGN_KEY', hint: expect.any(String) });
    expect(error.message).toContain(message);
    expect(error.message).toContain('my.key');
    expect(error.cause).toBeUndefined();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    for (const line of lines) expect(error.message).not.toContain(line);
  });

  test('an encrypted key whose password nobody knows', async () => {
    const password = async (): Promise<undefined> => undefined;
    await expect(readPrivateKey(cosignKey(), { name: 'my.key', password })).rejects.toMatchObject({
      code: 'ERR_CLIENT_SIGN_KEY',
      message: 'my.key is encrypted, and its password is not known',
      hint: 'set COSIGN_PASSWORD',
    });
  });
});
