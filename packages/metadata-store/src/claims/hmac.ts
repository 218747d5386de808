import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { anObject, aString, assertArgument, assertMembers, aText, someBytes } from '@slipway/arguments';
import type { LayerRecord } from '../metadata-store.ts';

/** What of Docker's auth config decides the HMAC key; other fields (`email`, `serveraddress`) do not. */
export interface HmacAuthConfig {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Base64 of `username:password`. */
  readonly auth?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

/**
 * Derives the key that marks records as made with these credentials: the ASCII text `sha256:<hex>` of the config's
 * JSON, byte for byte as Docker derives it. An empty config is a key too; only a missing one is none.
 *
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/v2_metadata_service.go#L65-L81
 */
export function computeHmacKey(authConfig: HmacAuthConfig | undefined): Uint8Array | undefined {
  if (authConfig !== undefined) assertArgument('authConfig', authConfig, anObject);
  if (authConfig === undefined) return undefined;
  const { username, password, auth, identitytoken, registrytoken } = authConfig;
  // Order and omission are part of the bytes that are hashed.
  const fields = Object.entries({ username, password, auth, identitytoken, registrytoken })
    .filter((field): field is [string, string] => Boolean(field[1]))
    .map(([name, value]) => `"${name}":${formatGoString(value)}`);
  const hex = createHash('sha256')
    .update(`{${fields.join(',')}}`)
    .digest('hex');
  return new TextEncoder().encode(`sha256:${hex}`);
}

/** Signs where a blob was seen: lower-case hex of HMAC-SHA256(key, digest + sourceRepository), or '' without a key. */
export function computeHmac(key: Uint8Array | undefined, record: Omit<LayerRecord, 'hmac'>): string {
  if (key !== undefined) assertArgument('key', key, someBytes);
  assertMembers('record', record, { required: { digest: aText, sourceRepository: aString } });
  return key === undefined || key.byteLength === 0 ? '' : hmacBytes(key, record).toString('hex');
}

/**
 * Tells in constant time whether `record` was made with the credentials behind `key`.
 * A record without HMAC matches only where there is no key, and the other way round.
 */
export function hmacMatches(record: LayerRecord, key: Uint8Array | undefined): boolean {
  assertArgument('record', record, anObject);
  const hasKey = key !== undefined && key.byteLength > 0;
  if (!hasKey || record.hmac === '') return !hasKey && record.hmac === '';
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(record.hmac)) return false;
  const claimed = Buffer.from(record.hmac, 'hex');
  const expected = hmacBytes(key, record);
  return claimed.byteLength === expected.byteLength && timingSafeEqual(claimed, expected);
}

/** A string as Go's JSON encoder writes it: JSON, with `<`, `>`, `&`, U+2028 and U+2029 escaped too. */
export function formatGoString(value: string): string {
  const wellFormed = value.replace(/\p{Surrogate}/gu, '\uFFFD'); // Go strings cannot hold a lone surrogate
  return JSON.stringify(wellFormed).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function hmacBytes(key: Uint8Array, { digest, sourceRepository }: Omit<LayerRecord, 'hmac'>): Buffer {
  return createHmac('sha256', key).update(digest).update(sourceRepository).digest();
}
