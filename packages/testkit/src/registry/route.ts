/** What a request asks of a registry, whatever its address. */
export type RequestKind =
  | 'ping'
  | 'token'
  | 'blob-head'
  | 'blob-get'
  | 'blob-delete'
  | 'mount'
  | 'upload-start'
  | 'upload-patch'
  | 'upload-put'
  | 'upload-status'
  | 'upload-delete'
  | 'manifest-head'
  | 'manifest-get'
  | 'manifest-put'
  | 'manifest-delete'
  | 'tags'
  | 'referrers'
  | 'catalog'
  | 'other';

/** A request's kind, with the parts of its path that the kind has. */
export interface Route {
  readonly kind: RequestKind;
  /** The `<name>` of the path, unchecked. Empty where the kind has none. */
  readonly repository: string;
  /** What comes last: a digest, a tag or a session's id. Empty where the kind has none. */
  readonly target: string;
}

const byMethod = {
  blobs: { HEAD: 'blob-head', GET: 'blob-get', DELETE: 'blob-delete' },
  uploads: { PATCH: 'upload-patch', PUT: 'upload-put', GET: 'upload-status', DELETE: 'upload-delete' },
  manifests: { HEAD: 'manifest-head', GET: 'manifest-get', PUT: 'manifest-put', DELETE: 'manifest-delete' },
  referrers: { GET: 'referrers' },
} as const satisfies Record<string, Readonly<Record<string, RequestKind>>>;

const shape =
  /^\/v2\/(?<repository>.+)\/(?:(?<noun>blobs\/uploads|blobs|manifests|referrers)\/(?<target>[^/]*)|tags\/list)$/;

/** Tells what a request asks, from its method and URL alone. */
export function routeOf(method: string, url: URL): Route {
  const path = url.pathname;
  if (path === '/v2/' || path === '/v2') return { kind: 'ping', repository: '', target: '' };
  if (path === '/token') return { kind: 'token', repository: '', target: '' };
  if (path === '/v2/_catalog') return { kind: 'catalog', repository: '', target: '' };
  const groups = shape.exec(path)?.groups;
  if (groups === undefined) return { kind: 'other', repository: '', target: '' };
  const repository = groups['repository'] ?? '';
  const target = decoded(groups['target'] ?? '');
  return { kind: kindOf(method, groups['noun'], target, url), repository, target };
}

/** The text unescaped; as it is where its escapes are bad, and so nothing's name. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function kindOf(method: string, noun: string | undefined, target: string, url: URL): RequestKind {
  if (noun === undefined) return method === 'GET' ? 'tags' : 'other';
  if (noun === 'blobs/uploads') {
    if (target !== '') return lookUp(byMethod.uploads, method);
    if (method !== 'POST') return 'other';
    return url.searchParams.has('mount') ? 'mount' : 'upload-start';
  }
  return lookUp(byMethod[noun as 'blobs' | 'manifests' | 'referrers'], method);
}

function lookUp(kinds: Readonly<Record<string, RequestKind>>, method: string): RequestKind {
  return kinds[method] ?? 'other';
}

const repositoryGrammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/**
 * Whether a `<name>` is allowed.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
 */
export function isRepositoryName(name: string): boolean {
  return name.length <= 255 && repositoryGrammar.test(name);
}
