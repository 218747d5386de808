import { ServerError } from '../errors.ts';

/** What a token allows. Every token may look: version, images, events. */
export type Scope =
  | { readonly kind: 'admin' }
  /** Bring images in, tag, save and push-by-job them: with a pattern, under names that fit it only. */
  | { readonly kind: 'load'; readonly pattern?: string | undefined }
  /** Push to repositories whose canonical name (`ghcr.io/team/app`) fits the pattern. */
  | { readonly kind: 'push'; readonly pattern: string };

/** Something that a request wants to do. */
export type Action =
  | { readonly kind: 'read' }
  | { readonly kind: 'load' }
  /** Give a name to an image that is brought in. */
  | { readonly kind: 'name'; readonly repository: string }
  /** Use the bytes of a stored image: one of its names has to be the principal's. */
  | { readonly kind: 'source'; readonly image: string; readonly repositories: readonly string[] }
  | { readonly kind: 'admin' }
  /** Give a name within a repository to an image. */
  | { readonly kind: 'tag'; readonly repository: string }
  | { readonly kind: 'push'; readonly repository: string }
  /** Show credentials to a registry. */
  | { readonly kind: 'login'; readonly registry: string };

/**
 * Reads `admin`, `load`, `load:PATTERN`, or `push:PATTERN`. In a pattern `*` is anything within a segment, `**` also
 * across them.
 *
 * @throws {ServerError} `ERR_SERVER_TOKEN`
 */
export function parseScope(scope: string): Scope {
  if (scope === 'admin' || scope === 'load') return { kind: scope };
  const [, kind, pattern = ''] = /^(load|push):(.*)$/s.exec(scope) ?? [];
  if (!/^[a-z0-9.:_*/[\]-]{1,255}$/.test(pattern) || !pattern.includes('/')) {
    throw new ServerError('ERR_SERVER_TOKEN', `${JSON.stringify(scope)} is no scope`, {
      hint: 'a scope is admin, load, load:REGISTRY/PATTERN or push:REGISTRY/PATTERN, such as push:ghcr.io/team/*',
    });
  }
  return kind === 'load' ? { kind, pattern } : { kind: 'push', pattern };
}

/** The opposite of {@link parseScope}. */
export function formatScope(scope: Scope): string {
  return scope.kind === 'admin' || scope.pattern === undefined ? scope.kind : `${scope.kind}:${scope.pattern}`;
}

/** Whether one of the scopes covers the action. */
export function isAllowed(scopes: readonly Scope[], action: Action): boolean {
  return action.kind === 'read' || scopes.some((scope) => covers(scope, action));
}

function covers(scope: Scope, action: Exclude<Action, { readonly kind: 'read' }>): boolean {
  if (scope.kind === 'admin') return true;
  switch (action.kind) {
    case 'admin':
      return false;
    case 'load':
      return scope.kind === 'load';
    case 'name':
      return scope.kind === 'load' && fits(scope, action.repository);
    case 'source':
      // An image that has lost its names is nobody's in particular.
      return scope.pattern === undefined || action.repositories.some((repository) => fits(scope, repository));
    case 'tag':
      return fits(scope, action.repository);
    case 'push':
      return scope.kind === 'push' && matchesPattern(scope.pattern, action.repository);
    case 'login': {
      if (scope.kind !== 'push') return false;
      return matchesPattern(scope.pattern.slice(0, scope.pattern.indexOf('/')), action.registry);
    }
    default:
      return action satisfies never;
  }
}

function fits({ pattern }: { readonly pattern?: string | undefined }, repository: string): boolean {
  return pattern === undefined || matchesPattern(pattern, repository);
}

/** Linear in pattern times name: the newest star alone takes more. */
export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let next = 0;
  let star: { readonly next: number; at: number; readonly crosses: boolean } | undefined;
  let wide: { readonly next: number; at: number; readonly crosses: boolean } | undefined;
  for (;;) {
    if (pattern[next] === '*') {
      const crosses = pattern[next + 1] === '*';
      next += crosses ? 2 : 1;
      star = { next, at, crosses };
      if (crosses) wide = star;
      continue;
    }
    if (at === name.length && next === pattern.length) return true;
    if (at < name.length && pattern[next] === name[at]) {
      at += 1;
      next += 1;
      continue;
    }
    // A narrow star ends at a slash; the last wide one before it may still reach further.
    if (star !== undefined && !star.crosses && (star.at >= name.length || name[star.at] === '/')) star = wide;
    if (star === undefined || star.at >= name.length) return false;
    star.at += 1;
    at = star.at;
    next = star.next;
  }
}
