import type { AbortOptions } from '@slipway/digest';
import type { Credentials } from '@slipway/docker-credentials';
import { abortable, createSharedWork, type SharedWork } from '@slipway/transfer';
import { RegistryError } from '../errors.ts';
import type { HTTPClient } from '../http/http-client.ts';
import { redactURL } from '../http/redirect/redact-url.ts';
import type { ResolvedRegistryOptions } from '../options.ts';
import type { Challenge } from './challenge.ts';
import { mergeScopes } from './scopes.ts';
import { basicValue, fetchToken, type Token } from './token.ts';

/** What a request wants to be allowed. */
export interface Access {
  /** Repository that credentials are looked up for. */
  readonly repository: string | undefined;
  /** Token scopes, the one that is written to first; each resource once. */
  readonly scopes: readonly string[];
  /** Deletions keep what they are shown apart: the right to delete is not asked for with other requests' tokens. */
  readonly purpose?: 'delete' | undefined;
}

/** A way to authenticate that is known here. */
type Scheme = 'basic' | 'bearer';

/** What goes into a request's headers. */
export interface Authorization {
  /** Value of the `Authorization` header; undefined to send none. */
  readonly header: string | undefined;
  /** What it allows. */
  readonly access: Access;
  /** How it was made; undefined where there is no header. */
  readonly scheme?: Scheme | undefined;
  /** The look-ups that it was made from: once one of them was refused, all who hold it share the next. */
  readonly credentials?: SharedWork<Credentials | undefined> | undefined;
  readonly token?: Promise<Token> | undefined;
  /** Whether it was made after a refusal of the same request: there is nothing newer of its scheme. */
  readonly isFresh?: boolean | undefined;
  /** Schemes that were refused in vain for the same request. */
  readonly refused?: readonly Scheme[] | undefined;
}

/** Chooses and keeps what one registry is shown: nothing, a user and password, or a token for each set of scopes. */
export class Authorizer {
  readonly #options: ResolvedRegistryOptions;
  readonly #http: HTTPClient;
  /** What the registry offers, by scheme. One that a later answer does not name still holds. */
  readonly #challenges = new Map<string, Challenge>();
  /** Whether the registry lets nobody in who shows nothing, as it has refused even the ping. */
  #isClosed = false;
  /** What was taken where the usual choice had been refused. */
  #preferred: Scheme | undefined;
  readonly #credentials = new Map<string, SharedWork<Credentials | undefined>>();
  /** Why nothing is looked up any more. */
  #ended: RegistryError | undefined;
  /** What proved necessary where less was asked for at first. */
  readonly #learnt = new Map<string, Access>();
  /** One fetch at a time per set of scopes; those who come later wait for it. */
  readonly #tokens = new Map<string, Promise<Token>>();
  /** The refresh token that came in place of another. */
  readonly #rotated = new Map<string, string>();
  #lastTurn: Promise<unknown> = Promise.resolve();
  /** The token server did not answer in time: until then nobody else asks it, and who does later waits for longer. */
  #silence: { readonly error: RegistryError; readonly until: number } | undefined;

  constructor(options: ResolvedRegistryOptions, http: HTTPClient) {
    this.#options = options;
    this.#http = http;
  }

  /** What to tell a user whose credentials are missing or do not suffice. */
  get hint(): string {
    return `slipway login ${this.#options.name}`;
  }

  /** Ends the look-ups that are under way: whoever looks credentials up may never answer. */
  end(reason: RegistryError): void {
    this.#ended = reason;
    for (const lookup of this.#credentials.values()) lookup.abort(reason);
  }

  /** Takes over what the registry offered when it refused the ping. */
  close(challenges: readonly Challenge[]): void {
    this.#isClosed = true;
    this.#adopt(challenges);
  }

  /**
   * What to show for `wanted`. Where the registry has let the ping in, nothing is shown rather than nothing asked: that
   * it wants something for one request says little of the others.
   *
   * @throws {RegistryError} when the registry wants credentials and there are none, or its token server refuses
   */
  async authorize(wanted: Access, options: AbortOptions = {}): Promise<Authorization> {
    const access = this.#learnt.get(accessKey(wanted)) ?? wanted;
    try {
      return await this.#authorize(access, options);
    } catch (error) {
      if (this.#isClosed || !isRefusal(error)) throw error;
      return { header: undefined, access };
    }
  }

  /**
   * Something else to show after `refused` was answered with 401 and `challenges`: first something newer of the same
   * kind, then the other kind that the registry offers. Undefined where there is nothing else. A scope that the
   * registry names is asked for too.
   */
  async renew(
    refused: Authorization,
    challenges: readonly Challenge[],
    options: AbortOptions = {},
  ): Promise<Authorization | undefined> {
    this.#adopt(challenges);
    this.#forget(refused);
    const named = challenges.flatMap(({ parameters }) => parameters.get('scope')?.split(' ') ?? []);
    const access = { ...refused.access, scopes: mergeScopes([...refused.access.scopes, ...named]) };
    const { scheme } = refused;
    if (scheme === undefined) {
      const first = await this.#authorize(access, options);
      return first.header === undefined ? undefined : { ...first, isFresh: true };
    }
    let spent = refused.refused ?? [];
    if (refused.isFresh !== true) {
      const newer = await this.#authorizeBy(scheme, access, options);
      const isToken = newer?.token !== undefined;
      if (isToken || (newer !== undefined && newer.header !== refused.header)) {
        return { ...newer, isFresh: true, refused: spent };
      }
    }
    spent = [...spent, scheme];
    const other = scheme === 'basic' ? 'bearer' : 'basic';
    if (spent.includes(other)) return undefined;
    const offered = await this.#authorizeBy(other, access, options);
    return offered && { ...offered, isFresh: true, refused: spent };
  }

  /** Shows for `wanted` from now on what did at last. */
  learn(wanted: Access, sufficient: Authorization): void {
    const key = accessKey(wanted);
    if (accessKey(sufficient.access) !== key) this.#learnt.set(key, sufficient.access);
    if ((sufficient.refused ?? []).length > 0) this.#preferred = sufficient.scheme;
  }

  #adopt(challenges: readonly Challenge[]): void {
    for (const challenge of challenges.toReversed()) this.#challenges.set(challenge.scheme, challenge);
  }

  async #authorize(access: Access, options: AbortOptions): Promise<Authorization> {
    if (this.#challenges.size === 0) return { header: undefined, access };
    // Docker shows a user and password last of all, and so they win where both are offered.
    const schemes: readonly Scheme[] = this.#preferred === 'bearer' ? ['bearer', 'basic'] : ['basic', 'bearer'];
    for (const scheme of schemes) {
      const authorization = await this.#authorizeBy(scheme, access, options);
      if (authorization !== undefined) return authorization;
    }
    const credentials = this.#credentialsOf(access);
    const isRegistryToken = (await credentials.join(options.signal))?.kind === 'registry-token';
    if (isRegistryToken || !this.#challenges.has('basic')) return { header: undefined, access, credentials };
    throw new RegistryError(
      `${redactURL(this.#options.url)} asks for a user name and password: no basic auth credentials`,
      {
        code: 'ERR_REGISTRY_UNAUTHORIZED',
        status: 401,
        dockerMessage: 'no basic auth credentials',
        hint: this.hint,
      },
    );
  }

  /** What to show in one way; undefined where the registry does not offer it, or nothing fits it. */
  async #authorizeBy(scheme: Scheme, access: Access, { signal }: AbortOptions): Promise<Authorization | undefined> {
    const challenge = this.#challenges.get(scheme);
    if (challenge === undefined) return undefined;
    const lookup = this.#credentialsOf(access);
    const credentials = await lookup.join(signal);
    const made = { access, scheme, credentials: lookup };
    if (credentials?.kind === 'registry-token') {
      if (scheme === 'bearer') this.#assertFits(credentials.token);
      return scheme === 'bearer' ? { ...made, header: `Bearer ${credentials.token}` } : undefined;
    }
    if (scheme === 'bearer') {
      const { token, value } = await this.#token(challenge, access, credentials, signal);
      return { ...made, header: `Bearer ${value}`, token };
    }
    if (credentials?.kind !== 'basic' || credentials.username === '' || credentials.password === '') return undefined;
    return { ...made, header: `Basic ${basicValue(credentials.username, credentials.password)}` };
  }

  /** What a header cannot hold would end as a failure of the network. */
  #assertFits(token: string): void {
    if (/^[\x21-\x7e]+$/.test(token)) return;
    throw new RegistryError(
      `${redactURL(this.#options.url)} asks for a token, and the registry token kept for it is none: it has spaces, ` +
        'line breaks or characters that are not ASCII',
      { code: 'ERR_REGISTRY_UNAUTHORIZED', status: 401, hint: this.hint },
    );
  }

  /** Drops what the registry refused. Who comes later finds another look-up in its place, and waits for that one. */
  #forget({ access, credentials, token }: Authorization): void {
    const key = accessKey(access);
    if (this.#tokens.get(key) === token) this.#tokens.delete(key);
    const { repository = '' } = access;
    if (this.#credentials.get(repository) === credentials) this.#credentials.delete(repository);
  }

  async #token(
    challenge: Challenge,
    access: Access,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly token: Promise<Token>; readonly value: string }> {
    const key = accessKey(access);
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const { value, renewAt } = await abortable(known, signal);
      if (this.#options.now() < renewAt) return { token: known, value };
      if (this.#tokens.get(key) !== known) return await this.#token(challenge, access, credentials, signal);
    }
    // Not the caller's signal: others may be waiting for the same token.
    const fetched =
      credentials?.kind === 'identity-token'
        ? this.#inTurn(() => this.#fetchByRefreshToken(challenge, access, credentials.token))
        : this.#fetch(challenge, access, credentials);
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    const { value } = await abortable(fetched, signal);
    return { token: fetched, value };
  }

  async #fetch(challenge: Challenge, access: Access, credentials: Credentials | undefined): Promise<Token> {
    const { url: registry, now, timeouts, tls } = this.#options;
    if (this.#silence !== undefined && now() < this.#silence.until) throw this.#silence.error;
    const timeoutMs = this.#silence === undefined ? timeouts.metadataMs : timeouts.slowMs;
    try {
      return await fetchToken(this.#http, {
        challenge,
        scopes: access.scopes,
        credentials,
        isInsecure: tls.rejectUnauthorized === false,
        registry,
        now,
        timeoutMs,
        authHint: this.hint,
      });
    } catch (error) {
      if (error instanceof RegistryError && error.reason === 'timeout') {
        this.#silence = { error, until: now() + silenceMs };
      }
      throw error;
    }
  }

  /** A token server may hand out a new refresh token with each token, and take the old one only once. */
  async #fetchByRefreshToken(challenge: Challenge, access: Access, given: string): Promise<Token> {
    let newest = given;
    for (let next = this.#rotated.get(newest); next !== undefined; next = this.#rotated.get(newest)) newest = next;
    const token = await this.#fetch(challenge, access, { kind: 'identity-token', token: newest });
    const { refreshToken } = token;
    if (refreshToken !== undefined && refreshToken !== given && refreshToken !== newest) {
      this.#rotated.set(newest, refreshToken);
    }
    return token;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => {});
    return await turn;
  }

  #credentialsOf({ repository }: Access): SharedWork<Credentials | undefined> {
    if (this.#ended !== undefined) throw this.#ended;
    const key = repository ?? '';
    const known = this.#credentials.get(key);
    if (known !== undefined && !known.isAborted) return known;
    const found = createSharedWork(async (signal) => {
      try {
        return await this.#options.credentials(this.#options.name, { repository, signal });
      } catch (error) {
        if (this.#credentials.get(key) === found) this.#credentials.delete(key);
        throw error;
      }
    });
    this.#credentials.set(key, found);
    return found;
  }
}

/**
 * So long after a token server has not answered, other requests for tokens fail for the same reason: a push asks
 * several.
 */
const silenceMs = 3_000;

function isRefusal(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return error.code === 'ERR_REGISTRY_UNAUTHORIZED' || error.code === 'ERR_REGISTRY_DENIED';
}

function accessKey({ repository, scopes, purpose }: Access): string {
  return JSON.stringify([repository, purpose, ...scopes]);
}
