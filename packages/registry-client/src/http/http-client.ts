import { RegistryError } from '../errors.ts';
import type { AddressBook } from './address-book.ts';
import type { Answer } from './answer.ts';
import { type ExchangeContext, type ExchangeRequest, exchange } from './exchange.ts';
import { resolveLocation } from './location.ts';
import { redactURL } from './redact-url.ts';
import { RedirectPolicy } from './redirect-policy.ts';
import type { RequestPace } from './request-pace.ts';

const maxRedirects = 10;

/** What a client sends its requests with. */
export interface HTTPClientContext extends ExchangeContext {
  readonly addresses: AddressBook;
  readonly userAgent: string;
  readonly pace: RequestPace;
}

/** Sends requests and follows redirects. Credentials do not leave the origin they were meant for. */
export class HTTPClient {
  readonly policy: RedirectPolicy;
  readonly #context: HTTPClientContext;

  constructor(context: HTTPClientContext) {
    this.#context = context;
    this.policy = new RedirectPolicy(context.addresses);
  }

  /**
   * Sends a request; follows every redirect of a GET or HEAD, and 307 and 308 of any request whose body can be sent again.
   * Other redirects come back as the answer.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`, and as {@link exchange}
   */
  async send(request: ExchangeRequest): Promise<Answer> {
    let { url } = request;
    let headers: Record<string, string> = { 'user-agent': this.#context.userAgent, ...request.headers };
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#exchange({ ...request, url, headers });
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
      if (target.origin !== url.origin) headers = withoutCredentials(headers);
      url = target;
    }
  }

  /** A connection kept alive may be closed by the peer at the very moment it is used again: that says nothing of the request. */
  async #exchange(request: ExchangeRequest): Promise<Answer> {
    await this.#context.pace(request.signal);
    try {
      return await exchange(this.#context, request);
    } catch (error) {
      if (error instanceof RegistryError && error.reason !== undefined) {
        this.#context.addresses.forget(request.url.hostname); // another address may answer, once there is one
      }
      const isIdempotent = request.method === 'GET' || request.method === 'HEAD';
      if (!(isIdempotent && error instanceof RegistryError && error.reason === 'ECONNRESET')) throw error;
      return await exchange(this.#context, request);
    }
  }
}

function isRedirect({ method, body }: ExchangeRequest, status: number): boolean {
  if (status === 307 || status === 308) return body?.isRepeatable ?? true;
  return (method === 'GET' || method === 'HEAD') && (status === 301 || status === 302 || status === 303);
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const { authorization: _, ...rest } = headers;
  return rest;
}
