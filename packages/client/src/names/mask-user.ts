/**
 * A name as typed, without the user and password that somebody put before its host: `alice:S3cret@ghcr.io/app` becomes
 * `***@ghcr.io/app`. Undefined when there is none: the `@` of a digest stands for nobody.
 */
export function maskUser(text: string): string | undefined {
  const found = splitUser(text);
  return found && `${found.before}***@${found.after}`;
}

/** The secrets in a name as typed, to be kept out of whatever is printed. */
export function secretsInName(text: string): readonly string[] {
  const found = splitUser(text);
  if (found === undefined) return [];
  const [, password] = /^[^:]*:(.*)$/s.exec(found.user) ?? [];
  return [found.user, ...(password === undefined ? [] : [password])];
}

interface NameWithUser {
  /** The scheme or transport, if there is one: `docker://`. */
  readonly before: string;
  /** `alice:S3cret` */
  readonly user: string;
  readonly after: string;
}

/** What stands behind `@sha256:` is meant as a digest, also where it was cut short. */
function splitUser(text: string): NameWithUser | undefined {
  const [, before = '', rest = ''] = /^((?:[a-z][a-z0-9+.-]*:\/\/|docker-daemon:|store:)?)(.*)$/is.exec(text) ?? [];
  if (isOddDigest(rest)) return undefined;
  const [, name = '', digest = ''] =
    /^(.*?)((?:@(?:[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]{32,}|sha\d+:[^/@]*))?)$/is.exec(rest) ?? [];
  const at = name.lastIndexOf('@');
  if (at < 1 || !isUser(name.slice(0, at), name.slice(at + 1))) return undefined;
  return { before, user: name.slice(0, at), after: name.slice(at + 1) + digest };
}

/**
 * Whether a digest of an unknown or malformed kind stands behind a repository, and no host behind a password: it has no
 * `/`, no dot and no port, and what is before it has a path, or its name is that of a hash.
 */
function isOddDigest(text: string): boolean {
  const [, name = '', algorithm = '', encoded = ''] =
    /^([^@]+)@([a-z0-9]+(?:[+_-][a-z0-9]+)*):([^/@]*)$/i.exec(text) ?? [];
  if (algorithm === '' || /^\d{1,5}$/.test(encoded)) return false;
  return isPath.test(name) || (isHash.test(algorithm) && isTagged.test(name));
}

const isPath = /^[\w.-]+(?::\d{1,5})?(?:\/[\w.-]+)+(?::[\w.-]+)?$/;
const isTagged = /^[a-z0-9._-]+(?::[\w.-]+)?$/;
const isHash = /^(?:md|sha|blake)\d/i;

/** `user:password` before something that may be a host; a file's name or an address of npm is neither. */
function isUser(user: string, host: string): boolean {
  return user.includes(':') && !/^[./~]/.test(user) && /^(?:\[|[a-z0-9])/i.test(host);
}
