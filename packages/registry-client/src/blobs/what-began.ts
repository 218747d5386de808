import { type AbortOptions, type Digest, isDigest } from '@slipway/digest';
import { assertSameDigest, contentDigest } from '../answers/content-digest.ts';
import type { Answer } from '../http/answer/answer.ts';
import type { RepositoryAt } from '../repository/repository-at.ts';
import { statBlob } from './stat-blob.ts';

/** What the `Location` of an answer is the address of, as far as its path tells; a blob stands by its digest. */
type Place = Digest | 'upload' | 'elsewhere';

/**
 * Whether an answer to a mount says that the repository has the blob. A status alone is no such word: there are
 * registries that open every upload with 201 (decision 0375). Where the answer says neither this nor that an upload is
 * open, the blob is asked for.
 *
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` where it names another blob
 */
export async function isMounted(
  answer: Answer,
  digest: Digest,
  at: RepositoryAt,
  options: AbortOptions,
): Promise<boolean> {
  const place = placeOf(answer);
  const isNamed = contentDigest(answer) === digest;
  if (answer.status === 201) {
    if (place !== 'upload') assertSameDigest(answer, digest);
    if (place === digest || (isNamed && place !== 'upload')) return true;
    if (!isNamed && (place === 'upload' || answer.header('docker-upload-uuid') !== undefined)) return false;
  } else if (place === 'upload' || !(isNamed || place === digest)) return false;
  return (await statBlob(at, digest, options)) !== undefined;
}

/** Whether an answer's `Location` is the address of a blob, of whichever. */
export function leadsToBlob(answer: Answer): boolean {
  const place = placeOf(answer);
  return place !== undefined && isDigest(place);
}

/** Registries stand below paths, and write their URLs in full or in part, with `%3A` and with `:`. */
function placeOf(answer: Answer): Place | undefined {
  const location = answer.header('location');
  if (location === undefined) return undefined;
  if (!URL.canParse(location, answer.url.href)) return 'elsewhere';
  const path = decoded(new URL(location, answer.url).pathname);
  if (/\/blobs\/uploads?(?:\/|$)/.test(path)) return 'upload'; // GitHub's has no `s`
  const [, name = ''] = /\/blobs\/([^/]+)$/.exec(path) ?? [];
  return isDigest(name) ? name : 'elsewhere';
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
