import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { readTextWithin } from '@slipway/read-file';
import type { DispatcherFactory } from '@slipway/registry-client';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import { RequestError, ServerError } from '../errors.ts';
import type { ListenerGuard } from '../listeners/listener-guard.ts';
import type { Egress } from './egress.ts';
import { assertNoForeignPage, assertOneSender, assertOwnPage } from './foreign-pages.ts';
import { createIdentityTokens, type IdentityTokens, isIdentityToken } from './oidc/identity-tokens.ts';
import { fetchKeys, parseIssuer, readKeySet } from './oidc/issuer-documents.ts';
import { createIssuerKeys, type IssuerKeys } from './oidc/issuer-keys.ts';
import type { Principal } from './principal.ts';
import { certificateFields, certificateIdentity } from './rules/certificate-identity.ts';
import { parseRule, type Rule, scopesByRules } from './rules/rule.ts';
import type { Scope } from './scope.ts';
import type { TokenStore } from './token-store.ts';

/** Finds out who asks. */
export interface Gatekeeper extends AsyncDisposable {
  /**
   * Whoever may open the socket on this machine, the owner of a token, of a client certificate, or of a token that the
   * issuer signed. Where a request shows a token, that alone counts.
   *
   * @throws {RequestError} 400 for a request that says it twice, 401 when the listener wants to know and is not told,
   *   403 for a page of another site, 503 while the issuer cannot be asked
   */
  authenticate(request: IncomingMessage, guard: ListenerGuard): Promise<Principal>;
  /** Makes ready what a configuration says of rights; what it returns lets that count. @throws {ServerError} */
  prepare(config: ServerConfig): Promise<() => void>;
}

export interface GatekeeperOptions {
  readonly config: ServerConfig;
  readonly tokens: Pick<TokenStore, 'areUsed' | 'verify'>;
  readonly egress: Pick<Egress, 'guard'>;
  /** How the issuer is connected to. */
  readonly dispatcher: DispatcherFactory;
  readonly log: Logger;
}

interface Rights {
  readonly certificates: readonly Rule[];
  readonly identityTokens: IdentityTokens | undefined;
  readonly close: () => Promise<void>;
}

const admin: readonly Scope[] = [{ kind: 'admin' }];
const connection = { connectTimeoutMs: 5_000, tlsTimeoutMs: 5_000, tls: {}, connections: 2, maxHeaderSize: 16_384 };

/** Makes the gatekeeper of a daemon. @throws {ServerError} `ERR_SERVER_CONFIG` */
export async function openGatekeeper(options: GatekeeperOptions): Promise<Gatekeeper> {
  const { tokens } = options;
  let rights = await readRights(options.config, options);
  return {
    async authenticate(request, guard) {
      assertOneSender(request);
      if (guard.kind === 'unix') return { name: 'local', scopes: admin };
      const [, text] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
      if (text !== undefined) return await byToken(text, tokens, rights);
      const certificate = guard.clientCertificates ? byCertificate(request, rights) : undefined;
      if (certificate !== undefined) return certificate;
      // Decided anew for each request: with the first token that is made, every TCP listener asks for one.
      const isOpen = guard.isLoopback && !guard.clientCertificates && rights.identityTokens === undefined;
      if (isOpen && !(await tokens.areUsed())) {
        assertNoForeignPage(request);
        return { name: 'loopback', scopes: admin };
      }
      throw new RequestError(401, 'unauthorized: this listener wants a client certificate or a bearer token');
    },
    async prepare(config) {
      const next = await readRights(config, options);
      return () => {
        const old = rights;
        rights = next;
        old.close().catch((err) => options.log.warn({ err }, 'a connection to the issuer cannot be closed'));
      };
    },
    [Symbol.asyncDispose]: () => rights.close(),
  };
}

async function byToken(
  text: string,
  tokens: Pick<TokenStore, 'verify'>,
  { identityTokens }: Rights,
): Promise<Principal> {
  if (identityTokens !== undefined && isIdentityToken(text)) return await identityTokens.verify(text);
  const token = await tokens.verify(text);
  if (token !== undefined) return { name: `token:${token.name}`, scopes: token.scopes };
  throw new RequestError(401, 'unauthorized: the token is unknown, revoked or expired');
}

/** A browser shows its certificate to any page's request: other sites' pages are refused. */
function byCertificate(request: IncomingMessage, { certificates }: Rights): Principal | undefined {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  assertOwnPage(request);
  const { name, valuesOf } = certificateIdentity(socket.getPeerCertificate());
  return { name: `certificate:${name}`, scopes: scopesByRules(certificates, valuesOf) };
}

/** @throws {ServerError} `ERR_SERVER_CONFIG` with the setting's name */
async function readRights(config: ServerConfig, options: GatekeeperOptions): Promise<Rights> {
  if (config.tlsCa !== undefined && config.certificateRules.length === 0) {
    options.log.warn('client certificates are accepted, and no --certificate-rule gives them rights');
  }
  const certificates = config.certificateRules.map((rule) => parseRule(rule, certificateFields));
  const { oidcIssuer: issuer } = config;
  if (issuer === undefined) return { certificates, identityTokens: undefined, async close() {} };
  const { keys, close } = config.oidcJwks === undefined ? keysOf(issuer, options) : await keysIn(config.oidcJwks);
  const identityTokens = createIdentityTokens({
    ...{ issuer, keys, audiences: config.oidcAudiences, principalClaim: config.oidcPrincipal },
    rules: config.oidcRules.map((rule) => parseRule(rule)),
  });
  return { certificates, identityTokens, close };
}

interface OpenedKeys {
  readonly keys: IssuerKeys;
  readonly close: () => Promise<void>;
}

/** Keys that are asked for at the first token: an issuer that is away does not keep the daemon from starting. */
function keysOf(issuer: string, { egress, dispatcher: factory, log }: GatekeeperOptions): OpenedKeys {
  const dispatcher = egress.guard(factory)({ ...connection, registry: parseIssuer(issuer).host });
  const keys = createIssuerKeys({
    fetch: (signal) => fetchKeys(issuer, dispatcher, signal),
    onFailure: (err) => log.warn({ err, issuer }, 'the issuer of identity tokens cannot be asked for its keys'),
  });
  return { keys, close: () => dispatcher.destroy() };
}

/** An issuer has a few keys of a kilobyte. */
const maxKeySetBytes = 1024 * 1024;

/** @throws {ServerError} `ERR_SERVER_CONFIG` */
export async function keysIn(file: string): Promise<OpenedKeys> {
  try {
    const set = readKeySet(JSON.parse(await readTextWithin(file, { maxBytes: maxKeySetBytes })));
    return { keys: { use: (work) => work(set) }, async close() {} };
  } catch (cause) {
    throw new ServerError('ERR_SERVER_CONFIG', `--oidc-jwks: ${(cause as Error).message}`, { cause });
  }
}
