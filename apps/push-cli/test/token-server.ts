import { randomBytes, sign, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestCertificates } from '@slipway/testkit';

/** A token server as distribution wants one: its tokens are signed, and carry the certificate of their signer. */
export interface TokenServer extends AsyncDisposable {
  readonly realm: string;
  /** The `auth` part of the registry's configuration. */
  configOf(bundle: string): Readonly<Record<string, unknown>>;
}

export interface TokenServerOptions {
  readonly certificates: TestCertificates;
  readonly users: Readonly<Record<string, string>>;
  /** Actions that are granted at most. @default pull and push */
  readonly actions?: readonly string[] | undefined;
}

const issuer = 'test issuer';
const service = 'test registry';

export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    const [user = '', password] = decodeBasic(request.headers.authorization);
    if (options.users[user] !== password || password === undefined) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ details: 'incorrect username or password' }));
      return;
    }
    const token = makeToken(user, searchParams.getAll('scope'), options);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token, expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    realm,
    configOf: (bundle) => ({ token: { realm, service, issuer, rootcertbundle: bundle } }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function makeToken(user: string, scopes: readonly string[], options: TokenServerOptions): string {
  const { certificates, actions = ['pull', 'push'] } = options;
  const now = Math.floor(Date.now() / 1000);
  const certificate = new X509Certificate(certificates.cert).raw.toString('base64');
  const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate] };
  const access = scopes.map((scope) => {
    const [type, name, wanted = ''] = scope.split(':');
    return { type, name, actions: wanted.split(',').filter((action) => actions.includes(action)) };
  });
  const times = { iat: now, nbf: now - 10, exp: now + 300, jti: randomBytes(8).toString('hex') };
  const payload = { iss: issuer, sub: user, aud: service, access, ...times };
  const signed = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const key = { key: certificates.key, dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

function decodeBasic(header: string | undefined): readonly string[] {
  const [, value = ''] = /^Basic (.*)$/.exec(header ?? '') ?? [];
  const [, user = '', password] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? [];
  return password === undefined ? [] : [user, password];
}
