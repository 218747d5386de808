import { createVerify, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digestBytes } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signedPayload, signJSON, verifyJSON } from './json-signature.ts';
import { createTrustKey, formatPublicTrustKey, formatTrustKey, parseTrustKey } from './trust-key.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const good = new Uint8Array(readFileSync(new URL('../../test/fixtures/hello-world.prettyjws', import.meta.url)));

describe('a manifest that Docker Hub signed in 2015', () => {
  test('verifies; payload and key id are those known of it', async () => {
    expect(digestBytes(good)).toBe('sha256:b2adb1fb02d8bfac5617625965c475e1035f08dc84b7719f5902528dc1363845');
    const { payload, digest, keys } = await verifyJSON(good);
    expect(payload.byteLength).toBe(3199);
    expect(digest).toBe('sha256:02fee8c3220ba806531f606525eceb83f4feb654f62b207191b1c9209188dedd');
    expect(keys.map(({ id }) => id)).toEqual(['OIH7:HQFS:44FK:45VB:3B53:OIAG:TPL4:ATF5:6PNE:MGHN:NHQX:2GE4']);
  });

  test('what was added after the signed length is not part of the payload', async () => {
    const added =
      '"fsLayers": [{ "blobSum": "sha256:ffff95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4" }],\n   ';
    const extra = encode(decode(good).replace('"signatures"', `${added}"signatures"`));
    expect(JSON.parse(decode(extra)).fsLayers[0].blobSum).toContain('sha256:ffff');
    const { payload } = await verifyJSON(extra);
    expect(signedPayload(extra)).toEqual(payload);
    expect(JSON.parse(decode(payload)).fsLayers[0].blobSum).toContain('sha256:a3ed');
  });

  test('without signatures, nothing was signed', () => {
    expect(signedPayload(encode('{"schemaVersion":1}'))).toBeUndefined();
    expect(() => signedPayload(encode('{"signatures":[]}'))).toThrow(
      expect.objectContaining({ code: 'ERR_SIGNATURE_INVALID' }),
    );
  });

  test.each([
    ['a changed document', (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 2')],
    ['a signature of another', (text: string) => text.replace('Y6xaFz9S', 'Y6xaFz9T')],
    ['a key id that is not the key’s', (text: string) => text.replace('OIH7:', 'AAAA:')],
    ['no signature', (text: string) => text.replace('"signatures"', '"other"')],
    ['an algorithm that is not the key’s', (text: string) => text.replace('"ES256"', '"RS256"')],
    [
      'a length beyond the document',
      (text: string) =>
        text.replace(
          /"protected": ".*"/,
          `"protected": "${Buffer.from('{"formatLength":99999,"formatTail":"Cn0"}').toString('base64url')}"`,
        ),
    ],
    ['no length', (text: string) => text.replace(/"protected": ".*"/, '"protected": "e30"')],
  ])('%s is refused', async (_, change) => {
    await expect(verifyJSON(encode(change(decode(good))))).rejects.toMatchObject({ code: 'ERR_SIGNATURE_INVALID' });
  });
});

describe('signing', () => {
  const document = {
    name: 'dmcgowan/mycontainer',
    config: { ports: [9101, 9102], run: '/bin/echo "Hello"' },
    layers: ['a', 'b'],
  };
  const now = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  test.each([
    ['three spaces', JSON.stringify(document, null, 3), 3],
    ['five spaces', JSON.stringify(document, null, 5), 5],
    ['none', JSON.stringify(document), 0],
  ])('an object indented by %s gets its signatures in the same form', async (_, text, spaces) => {
    const key = createTrustKey();
    const signed = await signJSON(encode(text), [key], { now });
    expect(decode(signed.bytes)).toBe(
      JSON.stringify(JSON.parse(decode(signed.bytes)), null, spaces), // the identity: nothing is laid out otherwise
    );
    expect(decode(signed.bytes).startsWith(text.trimEnd().slice(0, -1).trimEnd())).toBe(true);
    const verified = await verifyJSON(signed.bytes);
    expect(decode(verified.payload)).toBe(text);
    expect(verified.keys.map(({ id }) => id)).toEqual([key.id]);
    const [signature] = JSON.parse(decode(signed.bytes)).signatures;
    expect(Object.keys(signature)).toEqual(['header', 'signature', 'protected']);
    expect(Object.keys(signature.header)).toEqual(['jwk', 'alg']);
    expect(Object.keys(signature.header.jwk)).toEqual(['crv', 'kid', 'kty', 'x', 'y']);
    const tail = Buffer.from(spaces === 0 ? '}' : '\n}').toString('base64url');
    const length = text.length - (spaces === 0 ? 1 : 2);
    expect(Buffer.from(signature.protected, 'base64url').toString()).toBe(
      `{"formatLength":${length},"formatTail":"${tail}","time":"2026-01-02T03:04:05Z"}`,
    );
  });

  test('OpenSSL agrees on the raw parts', async () => {
    const signed = await signJSON(encode(JSON.stringify(document, null, 3)), [createTrustKey()]);
    const [entry] = JSON.parse(decode(signed.bytes)).signatures;
    const text = `${entry.protected}.${Buffer.from(signed.payload).toString('base64url')}`;
    const key = { key: entry.header.jwk, format: 'jwk', dsaEncoding: 'ieee-p1363' } as const;
    const raw = Buffer.from(entry.signature, 'base64url');
    expect(raw.byteLength).toBe(64);
    expect(createVerify('sha256').update(text).verify(key, raw)).toBe(true);
    expect(createVerify('sha256').update(`${text}x`).verify(key, raw)).toBe(false);
  });

  test('another member name is used when asked for', async () => {
    const signed = await signJSON(encode('{"a":1}'), [createTrustKey()], { member: 'buildSignatures' });
    expect(decode(signed.bytes)).toMatch(/^\{"a":1,"buildSignatures":\[\{"header":\{/);
    expect((await verifyJSON(signed.bytes, { member: 'buildSignatures' })).keys).toHaveLength(1);
  });

  test('several keys sign one document, sorted by key id', async () => {
    const keys = [createTrustKey(), createTrustKey(), createTrustKey()];
    const signed = await signJSON(encode(JSON.stringify(document, null, 3)), keys, { now });
    const ids = (await verifyJSON(signed.bytes)).keys.map(({ id }) => id);
    expect(ids).toEqual(keys.map(({ id }) => id).sort());
  });

  test.each(['[]', '{', '"text"', '{}x'])('%s is nothing to sign', async (text) => {
    await expect(signJSON(encode(text), [createTrustKey()])).rejects.toThrow();
  });

  test('any object survives signing', async () => {
    const key = createTrustKey();
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
        fc.nat({ max: 8 }),
        async (value, spaces) => {
          fc.pre(!Object.hasOwn(value, 'signatures'));
          const payload = encode(JSON.stringify(value, null, spaces));
          expect((await verifyJSON((await signJSON(payload, [key])).bytes)).payload).toEqual(payload);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('trust keys', () => {
  test.each([
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ])('a key on %s signs with %s, and is the same after being written and read', async (namedCurve, algorithm) => {
    const pem = generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
    const key = parseTrustKey(pem);
    expect(key.algorithm).toBe(algorithm);
    const again = parseTrustKey(formatTrustKey(key));
    expect(again.id).toBe(key.id);
    const signed = await signJSON(encode('{"a":1}'), [again]);
    expect((await verifyJSON(signed.bytes)).keys[0]?.id).toBe(key.id);
  });

  test('a key file of Docker’s, with libtrust’s headers, is read', () => {
    const key = createTrustKey();
    const pem = (key.privateKey.export({ type: 'sec1', format: 'pem' }) as string).replace(
      /(-----BEGIN EC PRIVATE KEY-----\n)/,
      `$1keyID: ${key.id}\n\n`,
    );
    expect(parseTrustKey(pem).id).toBe(key.id);
  });

  test('the id is that of the key in the golden manifest, and the public form has no private member', () => {
    const key = createTrustKey();
    expect(key.id).toMatch(/^(?:[A-Z2-7]{4}:){11}[A-Z2-7]{4}$/);
    expect(JSON.parse(formatPublicTrustKey(key))).toEqual(key.jwk);
    expect(Object.keys(key.jwk)).toEqual(['crv', 'kid', 'kty', 'x', 'y']);
    expect(Object.keys(JSON.parse(formatTrustKey(key)))).toEqual(['crv', 'd', 'kid', 'kty', 'x', 'y']);
  });

  test.each(['', 'nonsense', '{"kty":"EC"}', '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----'])(
    'the text %j is refused without being repeated',
    (text) => {
      expect(() => parseTrustKey(text)).toThrow('Expected a private key as JWK or PEM');
    },
  );
});
