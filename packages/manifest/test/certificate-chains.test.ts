import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signJSON, verifyJSON } from '../src/schema1/json-signature.ts';
import { createTrustKey, parseTrustKey } from '../src/schema1/trust-key.ts';
import { CertificateMaker } from './certificate-maker.ts';

/** In CI a missing tool is a failure; elsewhere these are skipped, and the name says why. */
const isMissing = !process.env['CI'] && spawnSync('openssl', ['version']).error !== undefined;

const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
const end = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
const limited = (length: number): readonly string[] => [
  `basicConstraints=critical,CA:TRUE,pathlen:${length}`,
  'keyUsage=critical,keyCertSign',
];
const days = (count: number): number => Date.now() + count * 86_400_000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const document = encode('{\n   "name": "demo/app"\n}');

let maker: CertificateMaker;

/** Signed with the key of the first, which all are shown with. */
async function signedBy(...chain: readonly string[]): Promise<Uint8Array> {
  const { bytes } = await signJSON(document, [parseTrustKey(maker.key(chain[0]!))]);
  const signed = JSON.parse(decode(bytes)) as { signatures: { header: object }[] };
  signed.signatures[0]!.header = { alg: 'ES256', x5c: chain.map((name) => maker.base64(name)) };
  return encode(JSON.stringify(signed, null, 3));
}

describe.skipIf(isMissing)('certificate chains, as OpenSSL judges them (skipped where it is not installed)', () => {
  beforeAll(() => {
    maker = new CertificateMaker();
    const five = [1, 2, 3, 4, 5].map((at) => ({
      name: `step${at}`,
      issuer: at === 1 ? 'root' : `step${at - 1}`,
      extensions: authority,
    }));
    maker.make(
      { name: 'root', extensions: authority },
      { name: 'other', extensions: authority },
      ...five,
      { name: 'deep', issuer: 'step5', extensions: end },
      { name: 'leaf', issuer: 'root', extensions: end },
      { name: 'forged-by-leaf', issuer: 'leaf', extensions: end },
      { name: 'bare', issuer: 'root', extensions: ['subjectKeyIdentifier=hash'] },
      { name: 'forged-by-bare', issuer: 'bare', extensions: end },
      { name: 'no-authority', issuer: 'root', extensions: ['basicConstraints=CA:FALSE'] },
      { name: 'forged-by-no-authority', issuer: 'no-authority', extensions: end },
      { name: 'no-sign', issuer: 'root', extensions: [authority[0]!, 'keyUsage=critical,digitalSignature'] },
      { name: 'forged-by-no-sign', issuer: 'no-sign', extensions: end },
      { name: 'sign-only', issuer: 'root', extensions: ['keyUsage=critical,keyCertSign'] },
      { name: 'by-sign-only', issuer: 'sign-only', extensions: end },
      { name: 'short-lived', issuer: 'root', extensions: authority, days: 10 },
      { name: 'by-short-lived', issuer: 'short-lived', extensions: end },
      { name: 'short-leaf', issuer: 'root', extensions: end, days: 10 },
      { name: 'short-root', extensions: authority, days: 10 },
      { name: 'by-short-root', issuer: 'short-root', extensions: end },
      { name: 'zero', issuer: 'root', extensions: limited(0) },
      { name: 'by-zero', issuer: 'zero', extensions: end },
      { name: 'below-zero', issuer: 'zero', extensions: authority },
      { name: 'by-below-zero', issuer: 'below-zero', extensions: end },
      { name: 'renewed-zero', subject: 'zero', issuer: 'zero', extensions: authority },
      { name: 'by-renewed-zero', issuer: 'renewed-zero', extensions: end },
      { name: 'one', issuer: 'root', extensions: limited(1) },
      { name: 'below-one', issuer: 'one', extensions: authority },
      { name: 'by-below-one', issuer: 'below-one', extensions: end },
      { name: 'two-below-one', issuer: 'below-one', extensions: authority },
      { name: 'by-two-below-one', issuer: 'two-below-one', extensions: end },
      { name: 'zero-root', extensions: limited(0) },
      { name: 'below-zero-root', issuer: 'zero-root', extensions: authority },
      { name: 'by-below-zero-root', issuer: 'below-zero-root', extensions: end },
      { name: 'no-root', extensions: end },
      { name: 'by-no-root', issuer: 'no-root', extensions: end },
      { name: 'old-root' },
      { name: 'by-old-root', issuer: 'old-root', extensions: end },
      { name: 'old-step', issuer: 'root' },
      { name: 'by-old-step', issuer: 'old-step', extensions: end },
      { name: 'odd', issuer: 'root', extensions: [...end, '1.2.3.4=critical,ASN1:UTF8String:odd'] },
      { name: 'odd-but-not-critical', issuer: 'root', extensions: [...end, '1.2.3.4=ASN1:UTF8String:odd'] },
      { name: 'odd-step', issuer: 'root', extensions: [...authority, '1.2.3.4=critical,ASN1:UTF8String:odd'] },
      { name: 'by-odd-step', issuer: 'odd-step', extensions: end },
      { name: 'named', issuer: 'root', extensions: [...end, 'subjectAltName=critical,DNS:a.example'] },
      { name: 'client', issuer: 'root', extensions: [...end, 'extendedKeyUsage=critical,clientAuth'] },
      // A certificate of the same name as the root, with another key.
      { name: 'false-root', subject: 'root', extensions: authority },
      { name: 'by-false-root', issuer: 'false-root', extensions: end },
      // Two certificates for one authority, of which one is out of date.
      { name: 'renewed', subject: 'short-lived', issuer: 'root', extensions: authority, keyOf: 'short-lived' },
    );
  }, 120_000);
  afterAll(() => maker?.[Symbol.dispose]());

  test.each<[string, readonly string[], readonly string[], number, 'taken' | RegExp]>([
    ['issued by the root', ['leaf'], ['root'], 0, 'taken'],
    ['the root is sent along', ['leaf', 'root'], ['root'], 0, 'taken'],
    ['five in between', ['deep', 'step5', 'step4', 'step3', 'step2', 'step1'], ['root'], 0, 'taken'],
    ['five in between, in no order', ['deep', 'step2', 'step5', 'step1', 'step4', 'step3'], ['root'], 0, 'taken'],
    ['the last of five is left out', ['deep', 'step5', 'step4', 'step3', 'step2'], ['root'], 0, /none of the roots/],
    ['one in the middle is left out', ['deep', 'step5', 'step3', 'step2', 'step1'], ['root'], 0, /none of the roots/],
    ['a root in the middle of a chain', ['deep', 'step5', 'step4'], ['step3'], 0, 'taken'],
    ['a certificate that is a root itself', ['leaf'], ['leaf'], 0, 'taken'],
    ['another root', ['leaf'], ['other'], 0, /none of the roots/],
    ['one of several roots', ['leaf'], ['other', 'root'], 0, 'taken'],
    ['strangers are sent along', ['leaf', 'other', 'step3'], ['root'], 0, 'taken'],
    ['a root that only has the name', ['by-false-root', 'false-root'], ['root'], 0, /none of the roots/],

    ['issued by a leaf', ['forged-by-leaf', 'leaf'], ['root'], 0, /"CN=leaf" may not issue|none of the roots/],
    ['issued by one without constraints', ['forged-by-bare', 'bare'], ['root'], 0, /"CN=bare" may not issue/],
    ['issued by CA:FALSE', ['forged-by-no-authority', 'no-authority'], ['root'], 0, /may not issue/],
    [
      'issued by a CA that may not sign',
      ['forged-by-no-sign', 'no-sign'],
      ['root'],
      0,
      /may not issue|none of the roots/,
    ],
    ['issued by a key for certificates, but no CA', ['by-sign-only', 'sign-only'], ['root'], 0, /may not issue/],
    ['a root that is no authority', ['by-no-root'], ['no-root'], 0, /may not issue|none of the roots/],
    ['a root of version 1', ['by-old-root'], ['old-root'], 0, 'taken'],
    ['issued by one of version 1 that is no root', ['by-old-step', 'old-step'], ['root'], 0, /may not issue/],

    ['an expired leaf', ['short-leaf'], ['root'], 20, /"CN=short-leaf" has expired/],
    ['before it expired', ['short-leaf'], ['root'], 5, 'taken'],
    ['an expired authority', ['by-short-lived', 'short-lived'], ['root'], 20, /"CN=short-lived" has expired/],
    ['an expired root', ['by-short-root'], ['short-root'], 20, /"CN=short-root" has expired/],
    ['not yet valid', ['leaf'], ['root'], -20, /is not yet valid/],

    ['path length 0', ['by-zero', 'zero'], ['root'], 0, 'taken'],
    ['path length 0, one more', ['by-below-zero', 'below-zero', 'zero'], ['root'], 0, /"CN=zero" is longer/],
    ['path length 0, its own renewal', ['by-renewed-zero', 'renewed-zero', 'zero'], ['root'], 0, 'taken'],
    ['path length 1', ['by-below-one', 'below-one', 'one'], ['root'], 0, 'taken'],
    ['path length 1, one more', ['by-two-below-one', 'two-below-one', 'below-one', 'one'], ['root'], 0, /longer/],
    ['path length 0 of a root', ['by-below-zero-root', 'below-zero-root'], ['zero-root'], 0, /longer/],

    ['an unknown critical extension', ['odd'], ['root'], 0, /unknown critical extension/],
    ['an unknown extension', ['odd-but-not-critical'], ['root'], 0, 'taken'],
    ['an unknown critical extension of an authority', ['by-odd-step', 'odd-step'], ['root'], 0, /unknown critical/],
    ['critical names', ['named'], ['root'], 0, 'taken'],
    ['a critical purpose', ['client'], ['root'], 0, 'taken'],
  ])('%s', async (_, chain, roots, day, expected) => {
    const at = days(day);
    const complaint = maker.complaint(chain, roots, at);
    const options = { roots: roots.map((name) => maker.pem(name)), now: () => at };
    const signed = await signedBy(...chain);
    if (expected === 'taken') {
      expect(complaint).toBeUndefined();
      const { keys, chains } = await verifyJSON(signed, options);
      expect(keys).toHaveLength(1);
      expect(chains[0]?.[0]?.raw.toString('base64')).toBe(maker.base64(chain[0]!));
      expect(roots.map((name) => maker.base64(name))).toContain(chains[0]?.at(-1)?.raw.toString('base64'));
    } else {
      expect(complaint).toMatch(/error \d+ at/);
      await expect(verifyJSON(signed, options)).rejects.toMatchObject({
        code: 'ERR_SIGNATURE_INVALID',
        message: expect.stringMatching(expected),
      });
    }
  });

  test('five in between are one chain of seven', async () => {
    const chain = ['deep', 'step5', 'step4', 'step3', 'step2', 'step1'];
    const { chains } = await verifyJSON(await signedBy(...chain), { roots: [maker.pem('root')] });
    expect(chains.map(({ length }) => length)).toEqual([7]);
  });

  test('where one certificate of an authority is out of date, another one counts', async () => {
    const at = days(20);
    const options = { roots: [maker.pem('root')], now: () => at };
    const signed = await signedBy('by-short-lived', 'short-lived', 'renewed');
    expect((await verifyJSON(signed, options)).chains[0]).toHaveLength(3);
  });

  test('roots may be a bundle', async () => {
    const bundle = `# ours\n${maker.pem('other')}\n${maker.pem('root')}`;
    expect((await verifyJSON(await signedBy('leaf'), { roots: [bundle] })).keys).toHaveLength(1);
  });

  test('without roots, certificates are not followed', async () => {
    const { keys, chains } = await verifyJSON(await signedBy('leaf'));
    expect([keys.length, chains.length]).toEqual([1, 0]);
  });

  test('a signature of another key than the certificate’s is refused', async () => {
    const { bytes } = await signJSON(document, [createTrustKey()]);
    const signed = JSON.parse(decode(bytes)) as { signatures: { header: object }[] };
    signed.signatures[0]!.header = { ...signed.signatures[0]!.header, x5c: [maker.base64('leaf')] };
    const forged = encode(JSON.stringify(signed, null, 3));
    await expect(verifyJSON(forged, { roots: [maker.pem('root')] })).rejects.toMatchObject({
      code: 'ERR_SIGNATURE_INVALID',
    });
  });

  test('one of two signatures has a bare key: refused', async () => {
    const { bytes } = await signJSON(document, [parseTrustKey(maker.key('leaf')), createTrustKey()]);
    const signed = JSON.parse(decode(bytes)) as { signatures: { header: { jwk: { kid: string } } & object }[] };
    const own = parseTrustKey(maker.key('leaf')).id;
    const ours = signed.signatures.find(({ header }) => header.jwk.kid === own)!;
    Object.assign(ours, { header: { alg: 'ES256', x5c: [maker.base64('leaf')] } });
    const mixed = encode(JSON.stringify(signed, null, 3));
    await expect(verifyJSON(mixed)).resolves.toMatchObject({ keys: { length: 2 } });
    await expect(verifyJSON(mixed, { roots: [maker.pem('root')] })).rejects.toThrow('no certificates');
  });

  test('many certificates of one name end the search', async () => {
    const crowd = Array.from({ length: 12 }, (_, at) => ({
      name: `crowd${at}`,
      subject: 'crowd',
      extensions: authority,
      keyOf: 'other',
    }));
    maker.make(...crowd, { name: 'by-crowd', issuer: 'crowd0', extensions: end });
    const signed = await signedBy('by-crowd', ...crowd.map(({ name }) => name));
    await expect(verifyJSON(signed, { roots: [maker.pem('root')] })).rejects.toThrow('too many ways');
  });
});

test('a bare key is refused where roots are asked for, and where there are none to lead to', async () => {
  const { bytes } = await signJSON(document, [createTrustKey()]);
  await expect(verifyJSON(bytes)).resolves.toMatchObject({ chains: [] });
  await expect(verifyJSON(bytes, { roots: [] })).rejects.toMatchObject({
    code: 'ERR_SIGNATURE_INVALID',
    message: expect.stringContaining('no certificates that could lead to the roots'),
  });
});

test.each([['nonsense'], [''], ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----']])(
  'the root %j is blamed on who gave it',
  async (root) => {
    const { bytes } = await signJSON(document, [createTrustKey()]);
    await expect(verifyJSON(bytes, { roots: [root] })).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_ARGUMENT',
        message: 'Expected `roots[0]` to be a certificate in PEM',
      }),
    );
  },
);

test('certificates that are none are the signature’s fault', async () => {
  const { bytes } = await signJSON(document, [createTrustKey()]);
  const text = decode(bytes).replace('"alg": "ES256"', '"alg": "ES256", "x5c": ["AAAA"]');
  await expect(verifyJSON(encode(text))).rejects.toMatchObject({ code: 'ERR_SIGNATURE_INVALID' });
});
