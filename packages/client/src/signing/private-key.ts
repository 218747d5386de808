import { createPrivateKey, type KeyObject, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { ClientError } from '../errors.ts';

export interface ReadPrivateKeyOptions {
  /** What messages call the key: a path, or the name of a variable. */
  readonly name: string;
  /** Asked for when the key is encrypted; undefined when nobody knows. */
  readonly password: () => Promise<string | undefined>;
}

/** A block of PEM, and the labels of those that hold private keys. */
const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]+?)-----END \1-----/;
const cosignLabels: ReadonlySet<string> = new Set(['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY']);
const plainLabels: ReadonlySet<string> = new Set(['PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY']);

/**
 * What a file may ask for, so that a bad one takes neither all memory nor all day: cosign's own need a quarter of it.
 */
const maxScryptBytes = 256 * 1024 * 1024;
const maxScryptRounds = 16;

const derive = promisify<string, Uint8Array, number, object, Buffer>(scrypt);

/**
 * Reads a key that signs: cosign's encrypted one, or PKCS#8 and SEC 1 in PEM, encrypted or not. Of its text nothing is
 * in any message.
 *
 * @throws {ClientError} `ERR_CLIENT_SIGN_KEY` when it is none, its password is wrong, or its kind is not P-256
 * @see https://github.com/secure-systems-lab/go-securesystemslib/blob/v0.9.0/encrypted/encrypted.go
 */
export async function readPrivateKey(pem: string, { name, password }: ReadPrivateKeyOptions): Promise<KeyObject> {
  const [, label = '', body = ''] = pemBlock.exec(pem) ?? [];
  if (label.endsWith('PUBLIC KEY')) {
    throw keyError(`${name} holds a public key, and signing needs the private one`, 'with cosign’s names: cosign.key');
  }
  if (!cosignLabels.has(label) && !plainLabels.has(label)) {
    throw keyError(`${name} holds no private key in PEM`, 'make one with `cosign generate-key-pair`');
  }
  const key = cosignLabels.has(label)
    ? await decryptCosignKey(body, { name, password })
    : await readPlainKey(pem, label, { name, password });
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  const { namedCurve = key.asymmetricKeyType ?? 'unknown' } = key.asymmetricKeyDetails ?? {};
  throw keyError(`${name} holds a key of kind ${namedCurve}, and P-256 is wanted`, 'that is what cosign makes');
}

async function readPlainKey(pem: string, label: string, { name, password }: ReadPrivateKeyOptions): Promise<KeyObject> {
  const isEncrypted = label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(pem);
  const passphrase = isEncrypted ? await wantedPassword({ name, password }) : undefined;
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch {
    throw isEncrypted ? wrongPassword(name) : damaged(name);
  }
}

async function decryptCosignKey(body: string, { name, password }: ReadPrivateKeyOptions): Promise<KeyObject> {
  const { salt, nonce, ciphertext, N, r, p } = readEnvelope(body, name);
  const passphrase = await wantedPassword({ name, password });
  const key = await derive(passphrase, salt, 32, { N, r, p, maxmem: maxScryptBytes + 1024 * 1024 });
  let der: Uint8Array;
  try {
    der = xsalsa20poly1305(key, nonce).decrypt(ciphertext);
  } catch {
    throw wrongPassword(name);
  } finally {
    key.fill(0);
  }
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch {
    throw damaged(name);
  } finally {
    der.fill(0);
  }
}

interface Envelope {
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function readEnvelope(body: string, name: string): Envelope {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body, 'base64').toString('utf8'));
  } catch {
    throw damaged(name); // the parser's message would quote the text
  }
  const { kdf, cipher, ciphertext } = fieldsOf(parsed);
  const { name: kdfName, params, salt } = fieldsOf(kdf);
  const { name: cipherName, nonce } = fieldsOf(cipher);
  if (kdfName !== 'scrypt' || cipherName !== 'nacl/secretbox') {
    throw keyError(`${name} is encrypted in a way that is not known`, 'make a new one with `cosign generate-key-pair`');
  }
  const { N, r, p } = fieldsOf(params);
  const isPowerOfTwo = isCount(N) && Number.isInteger(Math.log2(N));
  if (!isPowerOfTwo || !isCount(r) || !isCount(p) || 128 * N * r > maxScryptBytes || p > maxScryptRounds) {
    throw damaged(name);
  }
  const envelope = { salt: bytesOf(salt), nonce: bytesOf(nonce), ciphertext: bytesOf(ciphertext), N, r, p };
  if (envelope.nonce.byteLength !== 24 || envelope.ciphertext.byteLength < 16) throw damaged(name);
  return envelope;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function bytesOf(value: unknown): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : new Uint8Array();
}

async function wantedPassword({ name, password }: ReadPrivateKeyOptions): Promise<string> {
  const known = await password();
  if (known !== undefined) return known;
  throw keyError(`${name} is encrypted, and its password is not known`, 'set COSIGN_PASSWORD');
}

function wrongPassword(name: string): ClientError {
  return keyError(`${name} cannot be decrypted: the password is wrong, or the key is damaged`, 'check COSIGN_PASSWORD');
}

function damaged(name: string): ClientError {
  return keyError(`${name} is damaged: it holds no whole key`, 'make one with `cosign generate-key-pair`');
}

function keyError(message: string, hint: string): ClientError {
  return new ClientError('ERR_CLIENT_SIGN_KEY', message, { hint });
}
