import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';

/** A key pair of an issuer. */
export interface IssuerKey {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** An OpenID Connect issuer on this machine. Leaving scope stops it. */
export interface Issuer extends AsyncDisposable {
  readonly url: string;
  /** Keys that it shows; a test may change them. */
  readonly keys: IssuerKey[];
  /** Paths that were asked for. */
  readonly asked: string[];
  /** What it does with requests. @default it answers */
  mood: 'answers' | 'fails' | 'hangs';
  /** Members of its discovery document that it tells otherwise. */
  readonly discovery: Record<string, unknown>;
  /** A token as it should be, but for what is changed; `undefined` takes a claim away. */
  token(claims?: Readonly<Record<string, unknown>>, options?: TokenOptions): Promise<string>;
}

export interface TokenOptions {
  readonly key?: IssuerKey | undefined;
  readonly header?: Partial<JWTHeaderParameters> | undefined;
}

export async function newKey(alg: string, kid: string): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export async function startIssuer(): Promise<Issuer> {
  const server = createServer((request, response) => {
    issuer.asked.push(request.url ?? '');
    if (issuer.mood === 'hangs') return;
    const documents: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, ...issuer.discovery },
      '/keys': { keys: issuer.keys.map(({ jwk }) => jwk) },
    };
    const found = issuer.mood === 'fails' ? undefined : documents[request.url ?? ''];
    response.writeHead(found === undefined ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const now = (): number => Math.floor(Date.now() / 1000);
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys: [await newKey('RS256', 'first')],
    asked: [],
    mood: 'answers',
    discovery: {},
    async token(claims = {}, { key = issuer.keys[0], header = {} } = {}) {
      if (key === undefined) throw new Error('there is no key');
      const usual = { iss: issuer.url, aud: 'slipwayd', sub: 'ci', iat: now(), exp: now() + 300 };
      const payload = Object.fromEntries(
        Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined),
      );
      return await new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, kid: key.jwk.kid ?? '', ...header })
        .sign(key.privateKey);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
