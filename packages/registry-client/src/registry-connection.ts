import { assertSignal } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import { readWarnings } from './answers/warnings.ts';
import { type Access, Authorizer } from './auth/authorizer.ts';
import { type Challenge, parseChallenges } from './auth/challenge.ts';
import { readGrants } from './auth/grants.ts';
import { RegistryError } from './errors.ts';
import type { Answer } from './http/answer/answer.ts';
import { abridged, answerError, isHTTPToHTTPS } from './http/answer/answer-error.ts';
import { errorSecretsOf } from './http/answer/error-text.ts';
import { closedError } from './http/answer/network-error.ts';
import { isWebPage, webPageError, webPageLimit } from './http/answer/web-page.ts';
import type { Method } from './http/exchange.ts';
import type { HTTPClient } from './http/http-client.ts';
import { resolveLocation } from './http/redirect/location.ts';
import { redactURL, scrub } from './http/redirect/redact-url.ts';
import type { RequestBody } from './http/request/request-body.ts';
import type { ResolvedRegistryOptions } from './options.ts';

/** What a registry answered to `GET /v2/`. */
export interface Ping {
  /** Any status counts as an answer, also 404 and 500. */
  readonly status: number;
  /** Values of `Docker-Distribution-Api-Version`. */
  readonly apiVersions: readonly string[];
  /** What else the answer tells, for diagnosis. */
  readonly details?: PingDetails | undefined;
}

/** What an answer to `GET /v2/` tells of the registry, beside its status. */
export interface PingDetails {
  /** Where the answer came from, after redirects; without a query. */
  readonly url: string;
  /** How the registry wants to be shown credentials. */
  readonly challenges: readonly Challenge[];
  /** What the server calls itself: `nginx/1.25.3`. */
  readonly server: string | undefined;
  readonly mediaType: string | undefined;
  /** The server's clock, in milliseconds since 1970, and this machine's when the answer came. */
  readonly clock: { readonly server: number; readonly here: number } | undefined;
}

/** What a registry is shown for a repository. Holds no secret. */
export interface AccessReport {
  /** `anonymous`: nothing, for the registry asked for nothing. */
  readonly kind: 'anonymous' | 'password' | 'token';
  /** Scopes that a token is asked for: `repository:library/alpine:push,pull`. */
  readonly asked: readonly string[];
  /**
   * Scopes that the token itself says it has; undefined when it cannot be read, which only its registry need be able
   * to.
   */
  readonly granted: readonly string[] | undefined;
}

/** Bytes that a registry has put away at once. */
const smallCommit = 4 * 1_048_576;

/** Different warnings of a registry that are told: one that counts seconds would never end. */
const mostSaid = 10;

/** One request to the registry, authenticated and repeated as needed. */
export interface ConnectionRequest extends AbortOptions {
  readonly method: Method;
  /** A path that begins with `/v2/`, or the URL that an answer gave. */
  readonly target: string | URL;
  readonly access: Access;
  /** Statuses that come back as answers; all others are errors. */
  readonly expect: readonly number[];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestBody | undefined;
  readonly onTaken?: ((sent: number) => void) | undefined;
  /** Told when everything was sent and only the answer is waited for; again where the request is repeated. */
  readonly onBodySent?: (() => void) | undefined;
  /**
   * Bytes that the registry has to put away before it answers, which may take long; `Infinity` where nobody knows.
   * @default none
   */
  readonly commits?: number | undefined;
  /** It does not wait for the ping. @default false */
  readonly isAhead?: boolean | undefined;
  /** The answer's body may take long: only standstill ends it. @default false */
  readonly isDownload?: boolean | undefined;
}

/** The way to one registry: pinged once, authenticated where it asks for it. */
export class RegistryConnection {
  readonly options: ResolvedRegistryOptions;
  readonly #http: HTTPClient;
  readonly #authorizer: Authorizer;
  #base: URL;
  #ping: Promise<Ping> | undefined;
  /** A ping was not answered in time: the next one waits for longer. */
  #isSlow = false;
  /** Origins by which the registry calls itself, and where nothing answers. */
  readonly #misnamed = new Set<string>();
  readonly #warnings = new Set<string>();
  /** The registry's own warnings. */
  readonly #said = new Set<string>();

  constructor(options: ResolvedRegistryOptions, http: HTTPClient) {
    this.options = options;
    this.#http = http;
    this.#authorizer = new Authorizer(options, http);
    this.#base = options.url;
  }

  /** Ends what does not wait for an answer of the network. */
  end(): void {
    this.#authorizer.end(closedError(this.options.url));
  }

  /**
   * Asks the registry whether it is there and what it wants to be shown: once, for all who ask.
   *
   * @throws {RegistryError} `ERR_REGISTRY_UNREACHABLE` when no answer comes, `ERR_REGISTRY_PROTOCOL` when a web site
   * answers
   */
  async ping({ signal }: AbortOptions = {}): Promise<Ping> {
    assertSignal(signal);
    signal?.throwIfAborted();
    if (this.#ping === undefined) {
      const ping = this.#sendPing();
      this.#ping = ping;
      ping.catch(() => {
        this.#ping = undefined; // the next one who asks tries again
      });
    }
    return await abortable(this.#ping, signal);
  }

  /**
   * Sends a request and returns its answer if the status is one of `expect`. A 401 is answered with fresh credentials,
   * and then with the other kind that the registry offers.
   *
   * @throws {RegistryError} for every other status
   */
  async send(request: ConnectionRequest): Promise<Answer> {
    const { method, access, signal, expect, isAhead = false } = request;
    if (!isAhead) await this.ping({ signal });
    const url = this.#url(request.target);
    // Nothing is shown to other hosts, for instance where uploads are sent elsewhere.
    const isOurs = url.origin === this.#base.origin;
    let shown = isOurs ? await this.#authorizer.authorize(access, { signal }) : undefined;
    for (let resends = 0; ; resends += 1) {
      const answer = await this.#send({ ...request, resends }, url, shown?.header);
      if (expect.includes(answer.status)) {
        // What a session's end needs is not asked for with every token.
        const isLearnt = method !== 'DELETE' || access.purpose === 'delete';
        if (shown !== undefined && isLearnt) this.#authorizer.learn(access, shown);
        return answer;
      }
      const error = await this.error(answer);
      if (answer.status !== 401 || shown === undefined || answer.url.origin !== this.#base.origin) throw error;
      const challenges = parseChallenges(answer.headers('www-authenticate'));
      shown = await this.#authorizer.renew(shown, challenges, { signal });
      if (shown === undefined) throw error;
    }
  }

  /**
   * What would be shown for `access`, without a request to the registry but the ping.
   *
   * @throws {RegistryError} when there are no credentials and the registry wants them, or its token server refuses
   */
  async describeAccess(access: Access, { signal }: AbortOptions = {}): Promise<AccessReport> {
    await this.ping({ signal });
    const { header } = await this.#authorizer.authorize(access, { signal });
    const [scheme, value = ''] = header?.split(' ') ?? [];
    if (scheme === 'Bearer') return { kind: 'token', asked: access.scopes, granted: readGrants(value) };
    return { kind: scheme === 'Basic' ? 'password' : 'anonymous', asked: access.scopes, granted: undefined };
  }

  /** Makes an error of an answer. */
  async error(answer: Answer): Promise<RegistryError> {
    const storageOf = this.isOwn(answer.url) ? undefined : this.options.name;
    return await answerError(answer, { now: this.options.now(), authHint: this.#authorizer.hint, storageOf });
  }

  /** Where an answer's `Location` leads; undefined where it has none. */
  async location(answer: Answer): Promise<URL | undefined> {
    const header = answer.header('location');
    if (header === undefined) return undefined;
    const target = resolveLocation(header, answer.url);
    // A path of the session itself leads back to the registry, which redirects again as it likes: signed for that
    // request.
    const isRelative = !/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(header);
    if (isRelative && answer.url.origin !== answer.asked.origin && target.pathname === answer.asked.pathname) {
      return new URL(target.pathname + target.search, answer.asked);
    }
    // A registry behind a TLS proxy that does not know of it names itself http (distribution#2225).
    if (target.protocol === 'http:' && this.#base.protocol === 'https:' && target.hostname === this.#base.hostname) {
      target.protocol = 'https:';
      target.port = this.#base.port;
    }
    const named = this.#named(target);
    await this.#http.policy.check(answer.url, named);
    return named;
  }

  /**
   * The registry's own address for an upload that it sent to another port of its host, where nothing answers: a
   * registry behind a proxy whose Host header lacks the port (distribution/distribution#2862). Undefined for any other
   * location. From then on {@link location} knows.
   */
  ownAddress(location: URL): URL | undefined {
    if (location.hostname !== this.#base.hostname || location.origin === this.#base.origin) return undefined;
    if (!this.#misnamed.has(location.origin)) {
      this.#misnamed.add(location.origin);
      this.warnOnce(
        `${this.options.name} sends uploads to ${location.origin}, where nothing answers: its external ` +
          `address lacks the port; ${this.#base.origin} is used`,
      );
    }
    return this.#named(location);
  }

  /** Tells something that holds for the registry, and not for one request, the first time only. */
  warnOnce(message: string): void {
    if (this.#warnings.has(message)) return;
    this.#warnings.add(message);
    this.options.onWarning(message);
  }

  /** Whether a URL is the registry's own, and not a storage's or another's. */
  isOwn(url: URL): boolean {
    return url.origin === this.#base.origin;
  }

  #named(location: URL): URL {
    if (!this.#misnamed.has(location.origin)) return location;
    return new URL(location.pathname + location.search, this.#base);
  }

  /**
   * Lets a location pass that somebody kept from an earlier session.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`
   */
  async assertAllowed(location: URL): Promise<void> {
    await this.#http.policy.check(this.#base, location);
  }

  async #sendPing(): Promise<Ping> {
    const { metadataMs, slowMs } = this.options.timeouts;
    const timeoutMs = this.#isSlow ? slowMs : metadataMs;
    const url = this.#url('/v2/');
    const timeouts = { answerTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs };
    const onAnswer = (answer: Answer): void => this.#tellWarnings(answer);
    const request = { method: 'GET', url, headers: {}, expect: [401, 404], onAnswer, ...timeouts } as const;
    const answer = await this.#http.send(request).catch(async (error: unknown) => {
      this.#isSlow ||= error instanceof RegistryError && error.reason === 'timeout';
      throw await this.#explained(error, url);
    });
    const body = await answer
      .bytes({ limit: webPageLimit, timeoutMs: 5_000, truncate: true })
      .catch(() => new Uint8Array(0)); // the status is what was asked for
    if (isHTTPToHTTPS(answer.status, new TextDecoder().decode(body))) throw wrongProtocol(url);
    if (isWebPage(answer, body)) throw webPageError(answer, body);
    const isSameHost = answer.url.hostname === url.hostname;
    // A redirect from http to https on the same host holds for every request: most of them could not follow it.
    if (isSameHost && url.protocol === 'http:' && answer.url.protocol === 'https:') {
      const base = new URL(this.#base);
      base.protocol = 'https:';
      base.port = answer.url.port;
      this.#base = base;
    }
    const challenges = parseChallenges(answer.headers('www-authenticate'));
    if (answer.status === 401 && answer.url.origin === this.#base.origin) this.#authorizer.close(challenges);
    const versions = answer.headers('docker-distribution-api-version').flatMap((line) => line.split(/\s+/));
    const here = this.options.now();
    const server = Date.parse(answer.header('date') ?? '');
    return {
      status: answer.status,
      apiVersions: versions.filter((version) => version !== ''),
      details: {
        url: redactURL(answer.url),
        challenges,
        server: answer.header('server'),
        mediaType: answer.mediaType || undefined,
        clock: Number.isNaN(server) ? undefined : { server, here },
      },
    };
  }

  /**
   * Says which certificate was refused, or missed. Behind a proxy this look could meet another one, and is not taken.
   */
  async #explained(error: unknown, url: URL): Promise<unknown> {
    if (url.protocol !== 'https:' || !(error instanceof RegistryError) || !isFirsthand(error)) return error;
    const isClosed = error.reason === 'ECONNRESET' && this.options.tls.cert === undefined;
    if (error.reason !== 'tls' && !isClosed) return error;
    const { explainTLSError } = await import('./tls/explain-tls-error.ts'); // only failures need it
    const explanation = await explainTLSError(error.cause, url, { now: this.options.now });
    if (explanation === undefined) return error;
    const { code, cause } = error;
    const message = `GET ${redactURL(url)} failed: ${explanation.message}`;
    // What the network threw tells the code of a certificate that was refused, but not of one that was missed.
    const reason = isClosed
      ? Object.assign(new Error('the connection was closed', { cause }), { code: explanation.code })
      : cause;
    return new RegistryError(message, { code, reason: 'tls', cause: reason });
  }

  /** What the registry wants people to know. Storages and others that it leads to are not heard. */
  #tellWarnings(answer: Answer): void {
    const lines = answer.headers('warning');
    if (lines.length === 0 || !this.isOwn(answer.url)) return;
    for (const text of readWarnings(lines)) {
      const said = abridged(scrub(text, errorSecretsOf(answer)));
      if (this.#said.size < mostSaid) this.#said.add(said);
      if (this.#said.has(said)) this.warnOnce(`${this.options.name} says: ${said}`);
    }
  }

  #url(target: string | URL): URL {
    if (typeof target !== 'string') return target;
    return new URL(`${this.#base.pathname.replace(/\/$/, '')}${target}`, this.#base);
  }

  async #send(
    request: ConnectionRequest & { readonly resends: number },
    url: URL,
    authorization: string | undefined,
  ): Promise<Answer> {
    const { method, headers, body, onTaken, onBodySent, signal, commits, isDownload = false } = request;
    const { expect, resends } = request;
    const { metadataMs, idleMs, smallCommitMs, commitMs } = this.options.timeouts;
    const answerMs = commits === undefined ? metadataMs : commits <= smallCommit ? smallCommitMs : commitMs;
    return await this.#http.send({
      method,
      url,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      body,
      ...{ onTaken, onBodySent, signal, expect, resends },
      onAnswer: (answer) => this.#tellWarnings(answer),
      answerTimeoutMs: answerMs,
      idleTimeoutMs: body !== undefined || isDownload ? idleMs : metadataMs,
    });
  }
}

function wrongProtocol(url: URL): RegistryError {
  return new RegistryError(`GET ${redactURL(url)} answered 400: the registry expects https`, {
    code: 'ERR_REGISTRY_PROTOCOL',
    status: 400,
    reason: 'https-expected',
    hint: 'give it a URL with https:',
  });
}

/** Whether the network said so itself, and not somebody on the way who passes it on. */
function isFirsthand({ cause }: RegistryError): boolean {
  return cause instanceof Error && cause.cause === undefined;
}
