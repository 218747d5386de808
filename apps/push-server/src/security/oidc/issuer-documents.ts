import type { DispatcherFactory } from '@slipway/registry-client';
import type { JSONWebKeySet } from 'jose';

type Dispatcher = ReturnType<DispatcherFactory>;

/** Far above what an issuer with a hundred keys says. */
const maxDocumentBytes = 512 * 1024;
const maxKeys = 100;

/**
 * What an issuer's address has to be: https, or a service on this very machine.
 *
 * @throws {RangeError}
 */
export function parseIssuer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '');
  const isRight = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  if (url === undefined || !isRight || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new RangeError(`expected an https URL without a query, got ${JSON.stringify(text)}`);
  }
  return url;
}

/**
 * Asks an issuer for its public keys. A redirect is not followed.
 *
 * @throws {Error} when it cannot be asked, or says something else
 * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
 */
export async function fetchKeys(issuer: string, dispatcher: Dispatcher, signal: AbortSignal): Promise<JSONWebKeySet> {
  const discovery = await fetchJSON(
    parseIssuer(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
    dispatcher,
    signal,
  );
  const { issuer: said, jwks_uri: place } = discovery;
  if (said !== issuer) throw new Error('its discovery document names another issuer');
  if (typeof place !== 'string') throw new Error('its discovery document names no jwks_uri');
  return readKeySet(await fetchJSON(parseJwksPlace(place), dispatcher, signal));
}

/**
 * The public keys of a set that tokens can be signed with.
 *
 * @throws {RangeError} for what is no set of keys
 */
export function readKeySet(document: unknown): JSONWebKeySet {
  const { keys } = (document ?? {}) as { readonly keys?: unknown };
  if (!Array.isArray(keys) || keys.length === 0) throw new RangeError('expected a JSON Web Key Set');
  const usable = keys.slice(0, maxKeys).filter((key: unknown): key is JSONWebKeySet['keys'][number] => {
    const { kty, use = 'sig' } = (key ?? {}) as { readonly kty?: unknown; readonly use?: unknown };
    // No shared secrets: with these, whoever can check a token could make one.
    return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && use === 'sig';
  });
  if (usable.length === 0) throw new RangeError('it has no public key that signs');
  return { keys: usable };
}

function parseJwksPlace(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new Error('its jwks_uri is no URL');
  parseIssuer(`${url.origin}${url.pathname}`);
  return url;
}

async function fetchJSON(
  { origin, pathname, search }: URL,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { statusCode, body } = await dispatcher.request({
    ...{ origin, path: `${pathname}${search}`, method: 'GET', signal },
    headers: { accept: 'application/json', 'user-agent': 'slipwayd' },
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxDocumentBytes) throw new Error('its answer is too large');
    chunks.push(chunk);
  }
  if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
  const value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  if (typeof value !== 'object' || value === null) throw new Error('its answer is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}
