import { ServerError } from '../errors.ts';

/**
 * What somebody may do, in the repositories whose canonical name (`ghcr.io/team/app`) fits the pattern; in all of them
 * without one. Whatever the kind, they see these repositories, and jobs and events about them.
 */
export type Scope =
  /** Everything, also what is about no repository. */
  | { readonly kind: 'admin'; readonly pattern?: undefined }
  /** Save images, and push them elsewhere by a job. */
  | { readonly kind: 'read'; readonly pattern?: string | undefined }
  /** Bring images in, tag, save, and push them elsewhere by a job. */
  | { readonly kind: 'load'; readonly pattern?: string | undefined }
  /** Give names to images. */
  | { readonly kind: 'tag'; readonly pattern?: string | undefined }
  /** Push, tag, and end or repeat jobs that push there. */
  | { readonly kind: 'push'; readonly pattern: string }
  /** End, repeat and forget the jobs of others that push there. */
  | { readonly kind: 'jobs'; readonly pattern?: string | undefined };

/** Something that a request wants to do. */
export type Action =
  /** What every known principal may: the version, and lists of what it sees. */
  | { readonly kind: 'read' }
  /** See what tells of all repositories and principals. */
  | { readonly kind: 'all' }
  /** See that there is such a repository, and what goes on in it. */
  | { readonly kind: 'see'; readonly repository: string }
  | { readonly kind: 'load' }
  | { readonly kind: 'save' }
  /** Give a name to an image that is brought in. */
  | { readonly kind: 'name'; readonly repository: string }
  /** Use the bytes of a stored image: one of its names has to be the principal's. */
  | { readonly kind: 'source'; readonly image: string; readonly repositories: readonly string[] }
  | { readonly kind: 'admin' }
  /** Give a name within a repository to an image. */
  | { readonly kind: 'tag'; readonly repository: string }
  | { readonly kind: 'push'; readonly repository: string }
  /** Change a job of somebody else that pushes there. */
  | { readonly kind: 'job'; readonly repository: string }
  /** Show credentials to a registry. */
  | { readonly kind: 'login'; readonly registry: string };

/**
 * Reads `admin`, `read`, `load`, `tag`, `jobs`, each of the last four also with `:PATTERN`, or `push:PATTERN`. In a
 * pattern `*` is anything within a segment, `**` also across them.
 *
 * @throws {ServerError} `ERR_SERVER_TOKEN`
 */
export function parseScope(scope: string): Scope {
  const bare = bareKinds.find((kind) => kind === scope);
  if (bare !== undefined) return { kind: bare };
  const [, text, pattern = ''] = /^([a-z]+):(.*)$/s.exec(scope) ?? [];
  const kind = patternKinds.find((each) => each === text);
  if (kind === undefined || !/^[a-z0-9.:_*/[\]-]{1,255}$/.test(pattern) || !pattern.includes('/')) {
    throw new ServerError('ERR_SERVER_TOKEN', `${JSON.stringify(scope)} is no scope`, {
      hint: 'a scope is admin, read, load, tag, jobs, or KIND:REGISTRY/PATTERN, such as push:ghcr.io/team/*',
    });
  }
  return { kind, pattern };
}

const patternKinds = ['read', 'load', 'tag', 'push', 'jobs'] as const;
/** Pushing everywhere has to be said, as a pattern. */
const bareKinds = ['admin', 'read', 'load', 'tag', 'jobs'] as const;

/** The opposite of {@link parseScope}. */
export function formatScope(scope: Scope): string {
  return scope.pattern === undefined ? scope.kind : `${scope.kind}:${scope.pattern}`;
}

/** Whether one of the scopes covers the action. */
export function isAllowed(scopes: readonly Scope[], action: Action): boolean {
  return action.kind === 'read' || scopes.some((scope) => covers(scope, action));
}

function covers(scope: Scope, action: Exclude<Action, { readonly kind: 'read' }>): boolean {
  const { kind } = scope;
  if (kind === 'admin') return true;
  switch (action.kind) {
    case 'admin':
      return false;
    case 'all':
      return scope.pattern === undefined;
    case 'see':
      return fits(scope, action.repository);
    case 'load':
      return kind === 'load';
    case 'save':
      return kind === 'load' || kind === 'read';
    case 'name':
      return kind === 'load' && fits(scope, action.repository);
    case 'source':
      if (kind === 'jobs') return false;
      // An image that has lost its names is nobody's in particular.
      return scope.pattern === undefined || action.repositories.some((repository) => fits(scope, repository));
    case 'tag':
      return (kind === 'load' || kind === 'tag' || kind === 'push') && fits(scope, action.repository);
    case 'push':
      return kind === 'push' && fits(scope, action.repository);
    case 'job':
      return (kind === 'push' || kind === 'jobs') && fits(scope, action.repository);
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
