import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { TrustKeyError } from '../errors.ts';
import { encodeGoJSON, sortedMap } from '../go-json.ts';

/** How a key signs: its type and size decide. */
export type TrustAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'RS256';

/** A key that signatures are checked with. */
export interface TrustPublicKey {
  /** libtrust's key id: twelve groups of four letters. */
  readonly id: string;
  readonly algorithm: TrustAlgorithm;
  /** Public members only, with `kid`, in the order of their names. */
  readonly jwk: Readonly<Record<string, string>>;
  readonly publicKey: KeyObject;
}

/** A key that signs. */
export interface TrustKey extends TrustPublicKey {
  readonly privateKey: KeyObject;
}

/** Makes a new P-256 key, as Docker does when it has none. */
export function createTrustKey(): TrustKey {
  return trustKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/**
 * Reads a private key as Docker keeps it: a JWK (`key.json`) or PEM, with or without libtrust's headers inside.
 *
 * @throws {TrustKeyError} `ERR_TRUST_KEY_INVALID`; the message never holds the text.
 */
export function parseTrustKey(text: string): TrustKey {
  const trimmed = text.trim();
  let key: KeyObject;
  try {
    key = trimmed.startsWith('{')
      ? createPrivateKey({ key: JSON.parse(trimmed) as JsonWebKey, format: 'jwk' })
      : createPrivateKey(withoutHeaders(trimmed));
  } catch {
    // The cause is left out: parsers quote what they read.
    throw new TrustKeyError('Expected a private key as JWK or PEM');
  }
  return trustKeyOf(key);
}

/** The private key as a JWK, with its id, in libtrust's order. Keep it in a file that only its owner may read. */
export function formatTrustKey(key: TrustKey): string {
  const { id } = key;
  return encodeGoJSON(sortedMap({ ...(key.privateKey.export({ format: 'jwk' }) as Record<string, string>), kid: id }));
}

/** The public key as a JWK, with its id. */
export function formatPublicTrustKey({ jwk }: TrustPublicKey): string {
  return encodeGoJSON(jwk);
}

/**
 * The public key of a JWK that came with a signature.
 *
 * @throws {TrustKeyError} `ERR_TRUST_KEY_INVALID` also when its `kid` is not its own.
 */
export function publicKeyOf(jwk: Readonly<Record<string, unknown>>): TrustPublicKey {
  let publicKey: KeyObject;
  try {
    const { d: _, ...members } = jwk;
    publicKey = createPublicKey({ key: members as JsonWebKey, format: 'jwk' });
  } catch (cause) {
    throw new TrustKeyError('Expected a public key as JWK', { cause });
  }
  const key = trustPublicKeyOf(publicKey);
  if (jwk['kid'] !== undefined && jwk['kid'] !== key.id) {
    throw new TrustKeyError(`Expected the key's id to be ${key.id}, got ${JSON.stringify(jwk['kid']).slice(0, 120)}`);
  }
  return key;
}

/** The public half of any key, with its id. */
export function trustPublicKeyOf(publicKey: KeyObject): TrustPublicKey {
  const algorithm = algorithmOf(publicKey);
  const id = keyIDOf(publicKey);
  const members = publicKey.export({ format: 'jwk' }) as Record<string, string>;
  const jwk = Object.fromEntries(sortedMap({ ...members, kid: id }));
  return Object.freeze({ id, algorithm, jwk: Object.freeze(jwk), publicKey });
}

function trustKeyOf(privateKey: KeyObject): TrustKey {
  return Object.freeze({ ...trustPublicKeyOf(createPublicKey(privateKey)), privateKey });
}

/**
 * The first 30 bytes of SHA-256 over the DER of the public key, in base 32.
 * @see https://github.com/docker/libtrust/blob/aabc10e/util.go
 */
function keyIDOf(publicKey: KeyObject): string {
  const hash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  return base32(hash).replace(/(.{4})(?=.)/g, '$1:');
}

const base32Letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32Letters[(value >> bits) & 31];
    }
  }
  return text;
}

const curves: Readonly<Record<string, TrustAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): TrustAlgorithm {
  if (asymmetricKeyType === 'rsa') return 'RS256';
  const algorithm = curves[asymmetricKeyDetails?.namedCurve ?? ''];
  if (asymmetricKeyType === 'ec' && algorithm !== undefined) return algorithm;
  throw new TrustKeyError('Expected an RSA key, or one on the curve P-256, P-384 or P-521');
}

/** libtrust writes `keyID: …` into its PEM files, which OpenSSL does not take. */
function withoutHeaders(pem: string): string {
  return pem.replace(/^[A-Za-z-]+: .*\r?\n/gm, '').replace(/(-----BEGIN [A-Z ]+-----\r?\n)(?:\r?\n)+/g, '$1');
}
