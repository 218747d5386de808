import type { AbortOptions } from '@slipway/digest';
import { abortable } from '../abortable.ts';
import type { Credentials } from '../credentials.ts';
import { RegistryError } from '../errors.ts';
import type { HTTPClient } from '../http/http-client.ts';
import { redactURL } from '../http/redact-url.ts';
import type { ResolvedRegistryOptions } from '../options.ts';
import type { Challenge } from './challenge.ts';
import { basicValue, fetchToken, secretsOf, type Token } from './token.ts';

/** What a request wants to be allowed. */
export interface Access {
  /** Repository that credentials are looked up for. */
  readonly repository: string | undefined;
  /** Token scopes, the one that is written to first. */
  readonly scopes: readonly string[];
}

/** What goes into a request's headers. */
export interface Authorization {
  /** Value of the `Authorization` header; undefined to send none. */
  readonly header: string | undefined;
  /** Whether fetching anew may give another value. */
  readonly isRenewable: boolean;
  /** Texts that must not appear in a message. */
  readonly secrets: readonly string[];
}

const anonymous: Authorization = Object.freeze({ header: undefined, isRenewable: false, secrets: [] });

/** Chooses and keeps what one registry is shown: nothing, a user and password, or a token for each set of scopes. */
export class Authorizer {
  readonly #options: ResolvedRegistryOptions;
  readonly #http: HTTPClient;
  #challenges: readonly Challenge[] = [];
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();
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
   * What to show for `access`.
   *
   * @throws {RegistryError} when the registry wants credentials and there are none, or its token server refuses
   */
  async authorize(access: Access, { signal }: AbortOptions = {}): Promise<Authorization> {
    if (this.#challenges.length === 0) return anonymous;
    const credentials = await abortable(this.#credentialsOf(access), signal);
    const secrets = secretsOf(credentials);
    const bearer = this.#challenges.find(({ scheme }) => scheme === 'bearer');
    if (credentials?.kind === 'registry-token') {
      return bearer === undefined ? anonymous : { header: `Bearer ${credentials.token}`, isRenewable: false, secrets };
    }
    const basic = this.#challenges.find(({ scheme }) => scheme === 'basic');
    if (
      basic !== undefined &&
      credentials?.kind === 'basic' &&
      credentials.username !== '' &&
      credentials.password !== ''
    ) {
      // Docker shows these last of all, and so they win where both are offered.
      return { header: `Basic ${basicValue(credentials.username, credentials.password)}`, isRenewable: false, secrets };
    }
    if (bearer !== undefined) {
      const token = await this.#token(bearer, access, credentials, signal);
      return { header: `Bearer ${token.value}`, isRenewable: true, secrets: [...secrets, token.value] };
    }
    if (basic === undefined) return anonymous;
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

  /** Forgets what was shown for `access`, since the registry refused it. */
  async forget(access: Access, refused: Authorization): Promise<void> {
    const key = tokenKey(access);
    const known = await this.#tokens.get(key)?.catch(() => undefined);
    // Another request may have fetched a fresh one meanwhile.
    if (known !== undefined && refused.header === `Bearer ${known.value}`) this.#tokens.delete(key);
    this.#credentials.delete(access.repository ?? '');
  }

  async #token(
    challenge: Challenge,
    access: Access,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const key = tokenKey(access);
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const token = await abortable(known, signal);
      if (this.#options.now() < token.renewAt) return token;
      if (this.#tokens.get(key) !== known) return await this.#token(challenge, access, credentials, signal);
    }
    const { url: registry, now, timeouts } = this.#options;
    // Not the caller's signal: others may be waiting for the same token.
    const fetched = fetchToken(this.#http, {
      challenge,
      scopes: access.scopes,
      credentials,
      registry,
      now,
      timeoutMs: timeouts.metadataMs,
      authHint: this.hint,
    });
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    return await abortable(fetched, signal);
  }

  #credentialsOf({ repository }: Access): Promise<Credentials | undefined> {
    const key = repository ?? '';
    const known = this.#credentials.get(key);
    if (known !== undefined) return known;
    const found = this.#options.credentials(this.#options.name, { repository });
    this.#credentials.set(key, found);
    found.catch(() => this.#credentials.delete(key));
    return found;
  }
}

function tokenKey({ repository, scopes }: Access): string {
  return JSON.stringify([repository, ...scopes]);
}
