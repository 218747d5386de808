import type { Credentials } from '@slipway/docker-credentials';
import { describePage } from '../answers/diagnostics.ts';
import { RegistryError, reworded } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import type { HTTPClient } from '../http/http-client.ts';
import { redactURL } from '../http/redirect/redact-url.ts';
import { bodyOfBytes } from '../http/request/request-body.ts';
import { isLoopbackName } from '../options.ts';
import type { Challenge } from './challenge.ts';
import { refusalInSuccess, tokenRefusal } from './token-refusal.ts';

/** A bearer token and how long it is good for. */
export interface Token {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly renewAt: number;
  /** What to ask for the next token with, if the server said so. */
  readonly refreshToken?: string | undefined;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly challenge: Challenge;
  /** `repository:library/alpine:push,pull`; some servers read only the first. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** The user does without checked certificates, and so without secrecy. */
  readonly isInsecure: boolean;
  /** URL of the registry, for judging where its credentials may go. */
  readonly registry: URL;
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly authHint: string;
}

/**
 * Fetches a token from the server that the registry names: by POST with a refresh token, by GET with everything else.
 *
 * @throws {RegistryError}
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function fetchToken(http: HTTPClient, request: TokenRequest): Promise<Token> {
  const realm = realmOf(request);
  try {
    await http.policy.checkLinkLocal(request.registry, realm);
    return await askForToken(http, realm, request);
  } catch (error) {
    // The user has never typed this address: it is the registry's word.
    const who = `the token server that ${request.registry.host} names`;
    throw error instanceof RegistryError ? reworded(error, `${error.message} (${who})`, { hasAnswered: true }) : error;
  }
}

async function askForToken(http: HTTPClient, realm: URL, request: TokenRequest): Promise<Token> {
  const { credentials, timeoutMs, now, authHint } = request;
  const requestedAt = now();
  const answer =
    credentials?.kind === 'identity-token'
      ? await postRefreshToken(http, realm, request, credentials.token)
      : await getToken(http, realm, request);
  if (answer.status < 200 || answer.status >= 400) throw await tokenRefusal(answer, { now: now(), authHint });
  const body = await answer.bytes({ limit: 1_048_576, timeoutMs });
  return readToken(answer, body, { requestedAt, authHint });
}

/** The value of a Basic `Authorization`, without its scheme. */
export function basicValue(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
}

function realmOf({ challenge, credentials, isInsecure, registry }: TokenRequest): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  if (realm === '') throw protocolError(registry, 'no realm specified for token auth challenge');
  // A relative one is not what the specification has, and clear all the same (distribution/distribution#1458).
  if (!URL.canParse(realm, registry.href)) {
    throw protocolError(registry, 'the realm of the token auth challenge is not a URL');
  }
  const url = new URL(realm, registry);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw protocolError(registry, `the realm of the token auth challenge has scheme ${JSON.stringify(url.protocol)}`);
  }
  const isExposed = registry.protocol === 'https:' && url.protocol === 'http:' && !isLoopbackName(url.hostname);
  if (credentials !== undefined && isExposed && !isInsecure) {
    throw new RegistryError(
      `${redactURL(registry)} asks for credentials to be sent to ${redactURL(url)} over plain http`,
      {
        code: 'ERR_REGISTRY_REDIRECT_REFUSED',
        hint: "set the token server's external address to https",
      },
    );
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  return url;
}

async function getToken(http: HTTPClient, realm: URL, request: TokenRequest): Promise<Answer> {
  const { challenge, scopes, credentials, timeoutMs } = request;
  const service = challenge.parameters.get('service');
  if (service !== undefined) realm.searchParams.append('service', service);
  for (const scope of scopes) realm.searchParams.append('scope', scope);
  const headers: Record<string, string> = {};
  if (credentials?.kind === 'basic' && credentials.username !== '' && credentials.password !== '') {
    realm.searchParams.append('account', credentials.username);
    headers['authorization'] = `Basic ${basicValue(credentials.username, credentials.password)}`;
  }
  return await http.send({ method: 'GET', url: realm, headers, answerTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs });
}

async function postRefreshToken(
  http: HTTPClient,
  realm: URL,
  request: TokenRequest,
  refreshToken: string,
): Promise<Answer> {
  const { challenge, scopes, timeoutMs } = request;
  const form = new URLSearchParams({
    client_id: 'docker',
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    scope: scopes.join(' '),
    service: challenge.parameters.get('service') ?? '',
  });
  return await http.send({
    method: 'POST',
    url: realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: bodyOfBytes(new TextEncoder().encode(form.toString())),
    bodySecrets: [refreshToken],
    answerTimeoutMs: timeoutMs,
    idleTimeoutMs: timeoutMs,
  });
}

const minLifetimeSeconds = 60;
const maxLifetimeSeconds = 86_400 * 365;

function readToken(
  answer: Answer,
  body: Uint8Array,
  { requestedAt, authHint }: { readonly requestedAt: number; readonly authHint: string },
): Token {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // The parser's own words quote the token.
    const page = describePage(new TextDecoder().decode(body));
    const what = 'unable to decode token response';
    throw protocolError(answer.url, page === undefined ? what : `${what}: ${page}`, what);
  }
  const fields: Readonly<Record<string, unknown>> =
    typeof document === 'object' && document !== null ? { ...document } : {};
  const value = stringOf(fields['access_token']) || stringOf(fields['token']);
  if (value === '') {
    const missing = 'authorization server did not include a token in the response';
    throw (
      refusalInSuccess(answer, document, { authHint, dockerMessage: missing }) ?? protocolError(answer.url, missing)
    );
  }
  if (!/^[\x21-\x7e]+$/.test(value))
    throw protocolError(answer.url, 'the token has characters that no header can carry');
  const claimed = typeof fields['expires_in'] === 'number' ? fields['expires_in'] : 0;
  const lifetimeMs = Math.min(Math.max(minLifetimeSeconds, claimed), maxLifetimeSeconds) * 1000;
  // A token from the server's cache is older than the answer; a date out of reach is a clock that is wrong.
  const issuedAt = Date.parse(stringOf(fields['issued_at']));
  const bornAt = issuedAt <= requestedAt && requestedAt < issuedAt + lifetimeMs ? issuedAt : requestedAt;
  // Renewed a little early: the request that carries it takes time to arrive.
  const refreshToken = stringOf(fields['refresh_token']) || undefined;
  return { value, refreshToken, renewAt: bornAt + lifetimeMs - Math.min(lifetimeMs / 10, 30_000) };
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function protocolError(url: URL, what: string, dockerMessage: string = what): RegistryError {
  return new RegistryError(`${redactURL(url)}: ${what}`, { code: 'ERR_REGISTRY_PROTOCOL', dockerMessage });
}
