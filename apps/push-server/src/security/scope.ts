import { ServerError } from '../errors.ts';

/** What a token allows. Every token may look: version, images, events. */
export type Scope =
  | { readonly kind: 'admin' }
  /** Bring images in, tag them, save them. */
  | { readonly kind: 'load' }
  /** Push to repositories whose canonical name (`ghcr.io/team/app`) fits the pattern. */
  | { readonly kind: 'push'; readonly pattern: string };

/** Something that a request wants to do. */
export type Action =
  | { readonly kind: 'read' }
  | { readonly kind: 'load' }
  | { readonly kind: 'admin' }
  /** Give a name within a repository to an image. */
  | { readonly kind: 'tag'; readonly repository: string }
  | { readonly kind: 'push'; readonly repository: string }
  /** Show credentials to a registry. */
  | { readonly kind: 'login'; readonly registry: string };

/**
 * Reads `admin`, `load`, or `push:PATTERN`. In a pattern `*` is anything within a segment, `**` also across them.
 *
 * @throws {ServerError} `ERR_SERVER_TOKEN`
 */
export function parseScope(scope: string): Scope {
  if (scope === 'admin' || scope === 'load') return { kind: scope };
  const pattern = scope.startsWith('push:') ? scope.slice('push:'.length) : '';
  if (!/^[a-z0-9.:_*/[\]-]{1,255}$/.test(pattern) || !pattern.includes('/')) {
    throw new ServerError('ERR_SERVER_TOKEN', `${JSON.stringify(scope)} is no scope`, {
      hint: 'a scope is admin, load, or push:REGISTRY/PATTERN, such as push:ghcr.io/team/*',
    });
  }
  return { kind: 'push', pattern };
}

/** The opposite of {@link parseScope}. */
export function formatScope(scope: Scope): string {
  return scope.kind === 'push' ? `push:${scope.pattern}` : scope.kind;
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
    case 'tag':
      return scope.kind === 'load' || matchesPattern(scope.pattern, action.repository);
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
