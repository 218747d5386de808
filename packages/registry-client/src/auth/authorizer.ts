import type { AbortOptions } from '@slipway/digest';
import { abortable } from '../abortable.ts';
import type { Credentials } from '../credentials.ts';
import { RegistryError } from '../errors.ts';
import type { HTTPClient } from '../http/http-client.ts';
import { redactURL } from '../http/redact-url.ts';
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
}

/** What goes into a request's headers. */
export interface Authorization {
  /** Value of the `Authorization` header; undefined to send none. */
  readonly header: string | undefined;
  /** What it allows. */
  readonly access: Access;
  /** The look-ups that it was made from: once one of them was refused, all who hold it share the next. */
  readonly credentials?: Promise<Credentials | undefined> | undefined;
  readonly token?: Promise<Token> | undefined;
}

/** Chooses and keeps what one registry is shown: nothing, a user and password, or a token for each set of scopes. */
export class Authorizer {
  readonly #options: ResolvedRegistryOptions;
  readonly #http: HTTPClient;
  #challenges: readonly Challenge[] = [];
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();
  /** What proved necessary where less was asked for at first. */
  readonly #learnt = new Map<string, Access>();
  /** One fetch at a time per set of scopes; those who come later wait for it. */
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(options: ResolvedRegistryOptions, http: HTTPClient) {
    this.#options = options;
    this.#http = http;
  }

  /** What to tell a user whose credentials are missing or do not suffice. */
  get hint(): string {
    return `slipway login ${this.#options.name}`;
  }

  /** Takes over what the registry offers. */
  adopt(challenges: readonly Challenge[]): void {
    if (challenges.length > 0) this.#challenges = challenges;
  }

  /**
   * What to show for `wanted`.
   *
   * @throws {RegistryError} when the registry wants credentials and there are none, or its token server refuses
   */
  async authorize(wanted: Access, options: AbortOptions = {}): Promise<Authorization> {
    return await this.#authorize(this.#learnt.get(accessKey(wanted)) ?? wanted, options);
  }

  /**
   * Something else to show after `refused` was answered with 401 and `challenges`; undefined where there is nothing else.
   * A scope that the registry names is asked for too.
   */
  async renew(
    refused: Authorization,
    challenges: readonly Challenge[],
    options: AbortOptions = {},
  ): Promise<Authorization | undefined> {
    this.adopt(challenges);
    this.#forget(refused);
    const named = challenges.flatMap(({ parameters }) => parameters.get('scope')?.split(' ') ?? []);
    const { repository, scopes } = refused.access;
    const renewed = await this.#authorize({ repository, scopes: mergeScopes([...scopes, ...named]) }, options);
    const isToken = renewed.header?.startsWith('Bearer ') ?? false;
    return isToken || renewed.header !== refused.header ? renewed : undefined;
  }

  /** Shows for `wanted` from now on what did at last. */
  learn(wanted: Access, sufficient: Authorization): void {
    const key = accessKey(wanted);
    if (accessKey(sufficient.access) !== key) this.#learnt.set(key, sufficient.access);
  }

  async #authorize(access: Access, { signal }: AbortOptions): Promise<Authorization> {
    if (this.#challenges.length === 0) return { header: undefined, access };
    const lookup = this.#credentialsOf(access);
    const credentials = await abortable(lookup, signal);
    const bearer = this.#challenges.find(({ scheme }) => scheme === 'bearer');
    if (credentials?.kind === 'registry-token') {
      return { header: bearer && `Bearer ${credentials.token}`, access, credentials: lookup };
    }
    const basic = this.#challenges.find(({ scheme }) => scheme === 'basic');
    if (
      basic !== undefined &&
      credentials?.kind === 'basic' &&
      credentials.username !== '' &&
      credentials.password !== ''
    ) {
      // Docker shows these last of all, and so they win where both are offered.
      const header = `Basic ${basicValue(credentials.username, credentials.password)}`;
      return { header, access, credentials: lookup };
    }
    if (bearer !== undefined) {
      const { token, value } = await this.#token(bearer, access, credentials, signal);
      return { header: `Bearer ${value}`, access, credentials: lookup, token };
    }
    if (basic === undefined) return { header: undefined, access, credentials: lookup };
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
    const { url: registry, now, timeouts, tls } = this.#options;
    // Not the caller's signal: others may be waiting for the same token.
    const fetched = fetchToken(this.#http, {
      challenge,
      scopes: access.scopes,
      credentials,
      isInsecure: tls.rejectUnauthorized === false,
      registry,
      now,
      timeoutMs: timeouts.metadataMs,
      authHint: this.hint,
    });
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    const { value } = await abortable(fetched, signal);
    return { token: fetched, value };
  }

  #credentialsOf({ repository }: Access): Promise<Credentials | undefined> {
    const key = repository ?? '';
    const known = this.#credentials.get(key);
    if (known !== undefined) return known;
    const found = this.#options.credentials(this.#options.name, { repository });
    this.#credentials.set(key, found);
    found.catch(() => {
      if (this.#credentials.get(key) === found) this.#credentials.delete(key);
    });
    return found;
  }
}

function accessKey({ repository, scopes }: Access): string {
  return JSON.stringify([repository, ...scopes]);
}
