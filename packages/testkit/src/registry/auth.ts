import { randomBytes } from 'node:crypto';
import { Refusal } from './answers/refusal.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';

export interface BearerAuthOptions {
  readonly kind: 'bearer';
  /** Passwords by user name. */
  readonly users: Readonly<Record<string, string>>;
  /** Name of the service in challenges and tokens. @default 'slipway-testkit' */
  readonly service?: string | undefined;
  /** Serves `/token` on the registry's own port, or on a port of its own. @default 'same' */
  readonly tokenServer?: 'same' | 'separate' | undefined;
  /** How long a token lasts. @default 300 */
  readonly expiresInSeconds?: number | undefined;
  /** What callers without credentials may do. @default 'nothing' */
  readonly anonymous?: 'nothing' | 'pull' | undefined;
  /** Names the answer carries the token under. @default 'both' */
  readonly tokenField?: 'token' | 'access_token' | 'both' | undefined;
  /** Whether the token server knows the OAuth2 POST; without it, 404. @default true */
  readonly oauth2?: boolean | undefined;
  /**
   * What of a request's scopes the token server reads: all of them, the first one alone, or of several for one
   * repository the last, as GitLab's did (GoogleContainerTools/kaniko#181, cesanta/docker_auth#67). @default 'all'
   */
  readonly scopesRead?: 'all' | 'first' | 'last-of-repository' | undefined;
  /** What a user may do in a repository. @default everything */
  readonly allow?: ((user: string, repository: string, action: string) => boolean) | undefined;
}

/** How a registry knows its callers. */
export type AuthOptions =
  | { readonly kind: 'none' }
  /** Passwords by user name, sent with every request. */
  | { readonly kind: 'basic'; readonly users: Readonly<Record<string, string>> }
  | BearerAuthOptions;

/** Lets a request through or throws a {@link Refusal}. */
export interface Gate {
  check(exchange: Exchange): void;
  /** Answers a request for a token; undefined where the gate has no token server. */
  readonly tokens: TokenServer | undefined;
}

interface Grant {
  readonly user: string;
  /** Actions by scope: `repository:app` → `pull`, `push`. */
  readonly access: ReadonlyMap<string, ReadonlySet<string>>;
  readonly expiresAt: number;
}

/** Makes the gate of a registry. */
export function createGate(auth: AuthOptions, quirks: RegistryQuirks, now: () => number, realm: () => string): Gate {
  if (auth.kind === 'none') return { check: () => {}, tokens: undefined };
  if (auth.kind === 'basic')
    return { check: (exchange) => checkBasic(exchange, auth.users, quirks), tokens: undefined };
  const tokens = new TokenServer(auth, now);
  return { check: (exchange) => checkBearer(exchange, tokens, quirks, realm()), tokens };
}

function checkBasic(exchange: Exchange, users: Readonly<Record<string, string>>, quirks: RegistryQuirks): void {
  if (userOf(exchange.authorization, users) !== undefined) return;
  const headers = quirks.challenges ? { 'WWW-Authenticate': 'Basic realm="slipway-testkit"' } : undefined;
  throw new Refusal('UNAUTHORIZED', { headers });
}

function checkBearer(exchange: Exchange, tokens: TokenServer, quirks: RegistryQuirks, realm: string): void {
  const wanted = scopesOf(exchange, quirks);
  const sent = /^bearer (.+)$/i.exec(exchange.authorization ?? '')?.[1];
  const grant = sent === undefined ? undefined : tokens.grantOf(sent);
  if (grant && wanted.every((scope) => covers(grant, scope))) return;
  const parts = [`realm="${realm}"`, `service="${tokens.service}"`];
  if (wanted.length > 0) parts.push(`scope="${wanted.join(' ')}"`);
  if (sent !== undefined) parts.push(`error="${grant ? 'insufficient_scope' : 'invalid_token'}"`);
  const headers = quirks.challenges ? { 'WWW-Authenticate': `Bearer ${parts.join(',')}` } : undefined;
  throw new Refusal('UNAUTHORIZED', { headers, detail: wanted });
}

/** The scopes a request needs, as `repository:app:pull,push`. */
function scopesOf(exchange: Exchange, quirks: RegistryQuirks): string[] {
  const { kind, repository } = exchange.route;
  if (kind === 'catalog') return ['registry:catalog:*'];
  if (repository === '') return [];
  const scopes = [`repository:${repository}:${actionsOf(exchange, quirks)}`];
  const from = exchange.parameter('from');
  if (kind === 'mount' && from !== undefined) scopes.push(`repository:${from}:pull`);
  return scopes;
}

function actionsOf({ method, route }: Exchange, quirks: RegistryQuirks): string {
  if (method === 'GET' || method === 'HEAD') return route.kind === 'upload-status' ? 'pull,push' : 'pull';
  if (route.kind === 'upload-delete') return quirks.sessionDeleteScope === 'delete' ? 'delete' : 'pull,push';
  return method === 'DELETE' ? 'delete' : 'pull,push';
}

function covers(grant: Grant, scope: string): boolean {
  const at = scope.lastIndexOf(':');
  const granted = grant.access.get(scope.slice(0, at));
  return scope
    .slice(at + 1)
    .split(',')
    .every((action) => granted?.has(action));
}

/** The user that an Authorization header proves. */
function userOf(authorization: string | undefined, users: Readonly<Record<string, string>>): string | undefined {
  const encoded = /^basic (.+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return Object.hasOwn(users, user) && users[user] === password ? user : undefined;
}

/**
 * Hands out bearer tokens, by GET and by OAuth2's POST.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export class TokenServer {
  /** Tokens handed out so far. */
  issued = 0;
  readonly service: string;
  readonly #options: BearerAuthOptions;
  readonly #now: () => number;
  readonly #grants = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, string>();

  constructor(options: BearerAuthOptions, now: () => number) {
    this.service = options.service ?? 'slipway-testkit';
    this.#options = options;
    this.#now = now;
  }

  grantOf(token: string): Grant | undefined {
    const grant = this.#grants.get(token);
    return grant && grant.expiresAt > this.#now() ? grant : undefined;
  }

  /** Makes every token that is out invalid, as an expiry or a restarted server would. */
  revokeAll(): void {
    this.#grants.clear();
  }

  /** A refresh token for a user, as `docker login` would have got it. */
  refreshTokenFor(user: string): string {
    const token = randomBytes(24).toString('base64url');
    this.#refreshTokens.set(token, user);
    return token;
  }

  /** Answers one request for a token. */
  async answer(exchange: Exchange): Promise<void> {
    if (exchange.method === 'POST' && this.#options.oauth2 !== false) return await this.#answerPost(exchange);
    if (exchange.method !== 'GET') throw new Refusal('UNSUPPORTED', { status: exchange.method === 'POST' ? 404 : 405 });
    const user = userOf(exchange.authorization, this.#options.users);
    if (exchange.authorization !== undefined && user === undefined) throw new Refusal('UNAUTHORIZED');
    const offline = user !== undefined && exchange.parameter('offline_token') === 'true';
    await this.#issue(exchange, user ?? '', exchange.url.searchParams.getAll('scope'), offline);
  }

  async #answerPost(exchange: Exchange): Promise<void> {
    let text = '';
    for await (const chunk of exchange.body()) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length > 64 * 1024) throw new Refusal('SIZE_INVALID', { status: 413 });
    }
    const form = new URLSearchParams(text);
    const user = this.#userOfForm(form);
    if (user === undefined) throw new Refusal('UNAUTHORIZED', { message: 'invalid_grant' });
    await this.#issue(exchange, user, form.getAll('scope'), form.get('access_type') === 'offline');
  }

  #userOfForm(form: URLSearchParams): string | undefined {
    if (form.get('grant_type') === 'refresh_token') return this.#refreshTokens.get(form.get('refresh_token') ?? '');
    const user = form.get('username') ?? '';
    const known = Object.hasOwn(this.#options.users, user) && this.#options.users[user] === form.get('password');
    return form.get('grant_type') === 'password' && known ? user : undefined;
  }

  async #issue(exchange: Exchange, user: string, scopes: readonly string[], offline: boolean): Promise<void> {
    const { expiresInSeconds = 300, tokenField = 'both' } = this.#options;
    const token = randomBytes(32).toString('base64url');
    const now = this.#now();
    this.#grants.set(token, { user, access: this.#granted(user, scopes), expiresAt: now + expiresInSeconds * 1000 });
    this.issued += 1;
    const answer = {
      ...(tokenField === 'access_token' ? {} : { token }),
      ...(tokenField === 'token' ? {} : { access_token: token }),
      expires_in: expiresInSeconds,
      issued_at: new Date(now).toISOString(),
      ...(offline ? { refresh_token: this.refreshTokenFor(user) } : {}),
    };
    await exchange.answer(
      200,
      { 'Content-Type': 'application/json' },
      new TextEncoder().encode(JSON.stringify(answer)),
    );
  }

  /** What of the asked scopes the user gets. More than that is not refused: the registry will say so. */
  #granted(user: string, scopes: readonly string[]): Map<string, Set<string>> {
    const { anonymous = 'nothing', allow = () => true, scopesRead = 'all' } = this.#options;
    const access = new Map<string, Set<string>>();
    const asked = scopes.flatMap((text) => text.split(' ')).filter(Boolean);
    for (const scope of scopesRead === 'first' ? asked.slice(0, 1) : asked) {
      const at = scope.lastIndexOf(':');
      const resource = scope.slice(0, at);
      const repository = resource.slice(resource.indexOf(':') + 1);
      const actions = (scopesRead === 'all' ? access.get(resource) : undefined) ?? new Set();
      for (const action of scope.slice(at + 1).split(',')) {
        const may = user === '' ? anonymous === 'pull' && action === 'pull' : allow(user, repository, action);
        if (may) actions.add(action);
      }
      access.set(resource, actions);
    }
    return access;
  }
}
