import { RequestError } from '../../errors.ts';

/** Oldest and newest version of the Engine API that are spoken. */
export const minApiVersion = '1.24';
export const maxApiVersion = '1.51';

const prefix = /^\/v([0-9.]+)(?=\/)/;

/** The URL without its version. */
export function withoutVersion(url: string): string {
  return url.replace(prefix, '');
}

/**
 * The version that a URL asks for, the newest by default.
 *
 * @throws {RequestError} 400 in docker's words when it is not spoken
 */
export function requestedVersion(url: string): string {
  const version = prefix.exec(url)?.[1];
  if (version === undefined) return maxApiVersion;
  if (isVersionBelow(version, minApiVersion)) {
    throw new RequestError(
      400,
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please ` +
        'upgrade your client to a newer version',
    );
  }
  if (isVersionBelow(maxApiVersion, version)) {
    throw new RequestError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${maxApiVersion}`,
    );
  }
  return version;
}

/** Compares number by number, as docker does: a missing one is 0. */
export function isVersionBelow(a: string, b: string): boolean {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
