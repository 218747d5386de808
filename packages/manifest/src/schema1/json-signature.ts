import { X509Certificate } from 'node:crypto';
import { type Digest, digestBytes } from '@slipway/digest';
import { flattenedVerify, GeneralSign } from 'jose';
import { SignatureError, TrustKeyError } from '../errors.ts';
import {
  type Fields,
  readDocument,
  readObjects,
  readOptionalObject,
  readOptionalString,
  readOptionalStrings,
  readString,
} from '../fields.ts';
import { encodeGoJSON } from '../go-json.ts';
import { findChain, readRoots } from './certificate-chain.ts';
import { publicKeyOf, type TrustKey, type TrustPublicKey, trustPublicKeyOf } from './trust-key.ts';

/** A JSON object with signatures over its own bytes. */
export interface SignedJSON {
  /** The object with its signatures as one more member: what is sent. */
  readonly bytes: Uint8Array;
  /** What was signed. */
  readonly payload: Uint8Array;
  /** Of the payload: by this a registry knows a signed manifest. */
  readonly digest: Digest;
}

/** When a document is signed, and where in it the signatures go. */
export interface SignJSONOptions {
  /** Milliseconds since 1970, written into the signature in seconds. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Name of the member that holds the signatures. @default 'signatures' */
  readonly member?: string | undefined;
}

/** A signed object whose every signature is right. */
export interface VerifiedJSON extends SignedJSON {
  /** Whose signatures they are, by key id. Whether any of them is to be trusted is the caller's question. */
  readonly keys: readonly TrustPublicKey[];
  /** How each key leads to one of the `roots`: its certificate first, the root last. Empty without `roots`. */
  readonly chains: readonly (readonly X509Certificate[])[];
}

/** Where in a document its signatures are, and whom to trust. */
export interface VerifyJSONOptions {
  /** Name of the member that holds the signatures. @default 'signatures' */
  readonly member?: string | undefined;
  /**
   * Certificates in PEM that every signature must lead to by its certificates (`x5c`): authorities within their
   * dates, key usage and path length, as `openssl verify` and RFC 5280 want it. A signature with a bare key is then
   * refused. What the leaf's own key is meant for is not asked.
   *
   * @default any key counts, and certificates are not followed
   */
  readonly roots?: readonly string[] | undefined;
  /** Milliseconds since 1970 at which certificates must be valid. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Bytes the document may have. @default 4 MiB */
  readonly maxSize?: number | undefined;
}

/** Signatures that anyone could want on one document; each costs the reader a computation. */
const maxSignatures = 64;

interface Signature {
  readonly header: Readonly<Record<string, unknown>>;
  readonly signature: string;
  readonly protected: string;
}

/**
 * Signs a JSON object as libtrust does, and puts the signatures into it in its own indentation.
 *
 * @throws {SignatureError} `ERR_SIGNATURE_INVALID` when the payload is no JSON object.
 * @see https://github.com/docker/libtrust/blob/aabc10e/jsonsign.go
 */
export async function signJSON(
  payload: Uint8Array,
  keys: readonly TrustKey[],
  options: SignJSONOptions = {},
): Promise<SignedJSON> {
  const { now = Date.now, member = 'signatures' } = options;
  const formatLength = formatLengthOf(payload);
  const header = {
    formatLength,
    formatTail: Buffer.from(payload.subarray(formatLength)).toString('base64url'),
    time: new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  const signing = new GeneralSign(payload);
  for (const { privateKey, jwk, algorithm } of keys) {
    signing.addSignature(privateKey).setProtectedHeader(header).setUnprotectedHeader({ jwk, alg: algorithm });
  }
  const { signatures } = await signing.sign();
  return withSignatures(payload, formatLength, member, signatures as readonly Signature[]);
}

/**
 * Checks every signature of a signed JSON object. What is verified is `payload`: read the document from there, never
 * from `bytes`, which may say more than was signed.
 *
 * @throws {SignatureError} `ERR_SIGNATURE_INVALID`
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when it is no JSON object.
 * @throws {TypeError} when one of the roots is no certificate.
 */
export async function verifyJSON(bytes: Uint8Array, options: VerifyJSONOptions = {}): Promise<VerifiedJSON> {
  const { member = 'signatures', maxSize, now = Date.now } = options;
  const roots = options.roots && readRoots(options.roots);
  const { payload, signed } = readSigned(bytes, member, maxSize);
  const encoded = Buffer.from(payload).toString('base64url');
  const keys: TrustPublicKey[] = [];
  const chains: (readonly X509Certificate[])[] = [];
  for (const { signature, jwk, certificates } of signed) {
    const leading = readCertificates(certificates);
    if (roots !== undefined) {
      if (leading.length === 0)
        throw new SignatureError('a signature has no certificates that could lead to the roots');
      chains.push(findChain(leading, roots, now()));
    }
    const key = keyOf(jwk, leading[0]);
    if (signature.header['alg'] !== key.algorithm) throw new SignatureError('the algorithm is not that of the key');
    const { header, ...rest } = signature;
    try {
      await flattenedVerify({ ...rest, header: { alg: key.algorithm }, payload: encoded }, key.publicKey);
    } catch (cause) {
      throw new SignatureError(`the signature of ${key.id} is not over these bytes`, { cause });
    }
    keys.push(key);
  }
  return { bytes, payload, digest: digestBytes(payload), keys, chains };
}

/**
 * What was signed, whoever signed it: the bytes by whose digest a registry knows a signed manifest.
 *
 * @returns undefined for what has no signatures
 * @throws {SignatureError} `ERR_SIGNATURE_INVALID` when signatures do not say what was signed
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when it is no JSON object
 */
export function signedPayload(
  bytes: Uint8Array,
  { member = 'signatures', maxSize }: Pick<VerifyJSONOptions, 'member' | 'maxSize'> = {},
): Uint8Array | undefined {
  if (readDocument('signed JSON', bytes, maxSize).values[member] === undefined) return undefined;
  return readSigned(bytes, member, maxSize).payload;
}

interface ReadSignature {
  readonly signature: Signature;
  readonly jwk: Readonly<Record<string, unknown>> | undefined;
  /** DER in base64, the signer's first. */
  readonly certificates: readonly string[];
}

interface ReadDocument {
  readonly payload: Uint8Array;
  readonly signed: readonly ReadSignature[];
}

function readSigned(bytes: Uint8Array, member: string, maxSize: number | undefined): ReadDocument {
  const entries = readObjects(readDocument('signed JSON', bytes, maxSize), member);
  if (entries.length === 0) throw new SignatureError('missing signature key');
  if (entries.length > maxSignatures) throw new SignatureError(`more than ${maxSignatures} signatures`);
  let format: Format | undefined;
  const signed: ReadSignature[] = [];
  for (const entry of entries) {
    const own = formatOf(readString(entry, 'protected'));
    if (format !== undefined && format.length !== own.length) throw new SignatureError('conflicting format length');
    if (format !== undefined && format.tail !== own.tail) throw new SignatureError('conflicting format tail');
    format = own;
    signed.push(readSignature(entry));
  }
  if (format === undefined || format.length > bytes.byteLength)
    throw new SignatureError('the format length is too large');
  const tail = Buffer.from(format.tail, 'base64url');
  const payload = new Uint8Array(Buffer.concat([bytes.subarray(0, format.length), tail]));
  return { payload, signed };
}

function readSignature(entry: Fields): ReadSignature {
  const header = readOptionalObject(entry, 'header');
  if (header === undefined) throw new SignatureError('missing signature header');
  const jwk = readOptionalObject(header, 'jwk')?.values;
  const certificates = readOptionalStrings(header, 'x5c') ?? [];
  const alg = readOptionalString(header, 'alg');
  return {
    signature: {
      header: { alg },
      signature: clean(readString(entry, 'signature')),
      protected: clean(readString(entry, 'protected')),
    },
    jwk,
    certificates,
  };
}

interface Format {
  readonly length: number;
  /** base64url */
  readonly tail: string;
}

function formatOf(encoded: string): Format {
  const bytes = new Uint8Array(Buffer.from(clean(encoded), 'base64url'));
  const { values } = readDocument('signature header', bytes);
  const length = values['formatLength'];
  const tail = values['formatTail'];
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) {
    throw new SignatureError('missing formatted length');
  }
  if (typeof tail !== 'string') throw new SignatureError('missing formatted tail');
  return { length, tail: clean(tail) };
}

/** libtrust breaks long base64 into lines and takes it back. */
function clean(base64: string): string {
  return base64.replace(/[\s=]+/g, '');
}

function readCertificates(certificates: readonly string[]): readonly X509Certificate[] {
  try {
    return certificates.map((der) => new X509Certificate(Buffer.from(der, 'base64')));
  } catch (cause) {
    throw new SignatureError('a certificate of the signature cannot be read', { cause });
  }
}

/** With certificates, the first one's key counts. */
function keyOf(
  jwk: Readonly<Record<string, unknown>> | undefined,
  certificate: X509Certificate | undefined,
): TrustPublicKey {
  try {
    if (certificate !== undefined) return trustPublicKeyOf(certificate.publicKey);
    if (jwk === undefined) throw new TrustKeyError('Expected a key or a certificate chain');
    return publicKeyOf(jwk);
  } catch (cause) {
    throw new SignatureError('the signature has no key that can be used', { cause });
  }
}

/** Where the last character before the closing brace ends. */
function formatLengthOf(payload: Uint8Array): number {
  readDocument('payload', payload, Number.MAX_SAFE_INTEGER);
  let at = payload.lastIndexOf(0x7d) - 1;
  while (at > 0 && isSpace(payload[at]!)) at -= 1;
  if (at < 1) throw new SignatureError('invalid json content: there is nothing to sign');
  return at + 1;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function withSignatures(
  payload: Uint8Array,
  formatLength: number,
  member: string,
  signatures: readonly Signature[],
): SignedJSON {
  const indent = indentOf(payload);
  const list = signatures
    .map(({ header, signature, protected: protectedHeader }) => ({ header, signature, protected: protectedHeader }))
    .sort((a, b) => compare(sortKey(a), sortKey(b)));
  const name = encodeGoJSON(member);
  const tail =
    indent === ''
      ? `,${name}:${encodeGoJSON(list)}}`
      : `,\n${indent}${name}: ${encodeGoJSON(list, { indent }).replaceAll('\n', `\n${indent}`)}\n}`;
  const bytes = new Uint8Array(Buffer.concat([payload.subarray(0, formatLength), Buffer.from(tail)]));
  return { bytes, payload, digest: digestBytes(payload) };
}

/** By key id, then by signature, as libtrust sorts them. */
function sortKey({ header, signature }: Signature): string {
  const { kid = '' } = (header['jwk'] ?? {}) as { readonly kid?: string };
  return `${kid} ${signature}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What stands between `{`, a line break, and the first name; empty for compact documents. */
function indentOf(payload: Uint8Array): string {
  const head = new TextDecoder().decode(payload.subarray(0, 1024));
  return /^\{\n([ \t]+)"/.exec(head)?.[1] ?? '';
}
