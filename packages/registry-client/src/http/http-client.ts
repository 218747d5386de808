import { RegistryError, reworded } from '../errors.ts';
import type { Answer } from './answer/answer.ts';
import type { AddressBook } from './connection/address-book.ts';
import { wasKept } from './connection/connections.ts';
import type { HostDispatchers } from './connection/host-dispatchers.ts';
import { type ExchangeContext, type ExchangeRequest, exchange } from './exchange.ts';
import { leadsNowhere } from './redirect/leads-nowhere.ts';
import { resolveLocation } from './redirect/location.ts';
import { redactURL } from './redirect/redact-url.ts';
import { RedirectPolicy } from './redirect/redirect-policy.ts';
import type { RequestPace } from './request/request-pace.ts';

const maxRedirects = 10;

/** What a client sends its requests with. */
export interface HTTPClientContext extends Omit<ExchangeContext, 'dispatcher'> {
  readonly dispatchers: HostDispatchers;
  readonly addresses: AddressBook;
  readonly userAgent: string;
  readonly pace: RequestPace;
}

/** Sends requests and follows redirects. Credentials do not leave the origin they were meant for. */
export class HTTPClient {
  readonly policy: RedirectPolicy;
  readonly #context: HTTPClientContext;
  /** How often a host has reset a kept connection. */
  readonly #lost = new Map<string, number>();

  constructor(context: HTTPClientContext) {
    this.#context = context;
    this.policy = new RedirectPolicy(context.addresses);
  }

  /**
   * Sends a request; follows every redirect of a GET or HEAD, and 307 and 308 of any request whose body can be sent
   * again. Other redirects come back as the answer.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`, and as {@link exchange}
   */
  async send(request: ExchangeRequest): Promise<Answer> {
    let { url } = request;
    let headers: Record<string, string> = {
      'user-agent': this.#context.userAgent,
      'accept-encoding': 'identity', // without it any coding is permitted (RFC 9110, 12.5.3)
      ...request.headers,
    };
    let resends = request.resends ?? 0;
    for (let redirects = 0; ; redirects += 1, resends += 1) {
      const answer = await this.#exchange({ ...request, url, asked: request.url, headers, resends }).catch(
        (error: unknown) => {
          throw redirects === 0 ? error : ledThere(error, request.url, url);
        },
      );
      request.onAnswer?.(answer);
      const location = answer.header('location');
      if (location === undefined || !isRedirect(request, answer.status)) return answer;
      await answer.discard();
      if (redirects === maxRedirects) {
        throw new RegistryError(
          `${request.method} ${redactURL(request.url)} failed: stopped after ${maxRedirects} redirects`,
          {
            code: 'ERR_REGISTRY_REDIRECT_REFUSED',
            status: answer.status,
          },
        );
      }
      const target = resolveLocation(location, url);
      await this.policy.check(url, target);
      this.policy.checkBody(url, target, request.bodySecrets);
      if (target.origin !== url.origin) headers = withoutCredentials(headers);
      url = target;
    }
  }

  async #exchange(request: ExchangeRequest): Promise<Answer> {
    const { addresses, pace, dispatchers } = this.#context;
    for (let repeats = 0; ; repeats += 1) {
      await pace(request.signal);
      try {
        const dispatcher = await dispatchers.to(request.url);
        const resends = (request.resends ?? 0) + repeats;
        const closes = this.#resetsKept(request.url);
        return await exchange({ ...this.#context, dispatcher }, { ...request, closes, resends });
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        // another address may answer, once there is one
        if (error.reason !== undefined) addresses.forget(request.url.hostname);
        if (wasKept(error)) this.#lost.set(request.url.host, (this.#lost.get(request.url.host) ?? 0) + 1);
        if (!isRepeated(request, error, repeats)) throw error;
      }
    }
  }

  /** A host that resets kept connections again and again gets a new one for each request. */
  #resetsKept({ host }: URL): boolean {
    return (this.#lost.get(host) ?? 0) >= mostLost;
  }
}

/** Resets of kept connections that a host may have a reason for. */
const mostLost = 2;
/** Kept connections that may be found closed one after the other: as many as a client keeps at most. */
const maxRepeats = 48;

/**
 * Whether a request is sent again at once because its connection broke. On a kept connection that says nothing of the
 * request, and whatever is harmless to do twice is repeated; on a new one only what changes nothing is, and once. A PUT
 * is none of that: the registry may have closed the session with it, and only who sent it can ask whether the blob is
 * there.
 */
function isRepeated({ method, body }: ExchangeRequest, error: RegistryError, repeats: number): boolean {
  if (error.reason !== 'ECONNRESET' && error.reason !== 'EPIPE') return false;
  const changesNothing = method === 'GET' || method === 'HEAD';
  if (!wasKept(error)) return changesNothing && repeats === 0;
  if (repeats >= maxRepeats) return false;
  if (changesNothing || method === 'DELETE') return true;
  return method === 'POST' && body === undefined; // begins an upload; one that nobody knows of expires
}

function isRedirect({ method, body }: ExchangeRequest, status: number): boolean {
  if (status === 307 || status === 308) return body?.isRepeatable ?? true;
  return (method === 'GET' || method === 'HEAD') && (status === 301 || status === 302 || status === 303);
}

/** A failure of a host that a redirect led to: whoever was asked has answered. */
function ledThere(error: unknown, asked: URL, target: URL): unknown {
  if (target.host === asked.host) return error;
  if (leadsNowhere(error)) {
    return reworded(error, `${asked.host} leads to ${redactURL(target)}, where nothing answers: ${error.message}`, {
      hasAnswered: true,
      hint: error.hint ?? `check that ${target.host} is reached from here: ${asked.host} sends requests there`,
    });
  }
  return error instanceof RegistryError ? reworded(error, error.message, { hasAnswered: true }) : error;
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const { authorization: _, cookie: __, ...rest } = headers;
  return rest;
}
