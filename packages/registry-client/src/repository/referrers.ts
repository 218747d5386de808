import { anObject, assertArgument, aText, listOf } from '@slipway/arguments';
import { type AbortOptions, algorithmOf, type Digest, digestBytes, encodedOf } from '@slipway/digest';
import { buildIndex, type Descriptor, mediaTypes, parseManifest } from '@slipway/manifest';
import type { Access } from '../auth/authorizer.ts';
import { RegistryError } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { pagesOf, saysNoList } from '../pages.ts';
import type { RegistryConnection } from '../registry-connection.ts';
import type { Repository, RepositoryRequests } from '../repository.ts';

type ReferrerRequests = Pick<RepositoryRequests, 'registry' | 'path' | 'getManifest' | 'referrers'>;

const maxIndexSize = 16_777_216;
const maxReferrers = 100_000;
const rewrites = 5;

/**
 * The tag of the index of referrers, for registries without a referrers API.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject).slice(0, 32)}-${encodedOf(subject).slice(0, 64)}`;
}

/** What refers to a manifest, from the API or from the index under the fallback tag. */
export async function listReferrers(
  repository: ReferrerRequests,
  subject: Digest,
  options: AbortOptions = {},
): Promise<readonly Descriptor[]> {
  return (await repository.referrers(subject, options)) ?? (await taggedReferrers(repository, subject, options)) ?? [];
}

/**
 * Sees to it that a registry lists these referrers of `subject`, all of which it has. One with an API does so by
 * itself; elsewhere, and where the API is refused or fails, they are added to the index under the fallback tag, which
 * is read back: others may write it at the same time. One whose fallback tag names the manifest itself cannot list any,
 * and nothing is written there. A referrer whose PUT was answered with its `subject` is listed, and needs no call.
 *
 * @returns whether the registry lists them
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` when the fallback tag names no index, or loses what is written to it;
 * that of the request when the fallback tag can be neither read nor written
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject
 */
export async function ensureReferrers(
  repository: Repository,
  subject: Digest,
  referrers: readonly Descriptor[],
  { signal }: AbortOptions = {},
): Promise<boolean> {
  assertArgument('repository', repository, anObject);
  assertArgument('subject', subject, aText);
  assertArgument('referrers', referrers, listOf(anObject));
  if (await hasReferrersApi(repository, subject, { signal })) return true;
  for (let written = 0; ; written += 1) {
    const listed = await taggedReferrers(repository, subject, { signal });
    if (listed === undefined) return false;
    const known = new Set(listed.map(({ digest }) => digest));
    const missing = referrers.filter(({ digest }) => !known.has(digest));
    if (missing.length === 0) return true;
    if (written === rewrites) throw protocolError(repository, subject, `lost an entry ${rewrites} times`);
    const { bytes, mediaType } = buildIndex({ manifests: [...listed, ...missing] });
    await repository.putManifest(referrersTag(subject), bytes, { mediaType, signal });
  }
}

/**
 * Whether the API answers with a list. Clients fall back to the tag wherever it does not, so that an API that this
 * account may not ask, or that answers nonsense, is as good as none.
 */
async function hasReferrersApi(repository: Repository, subject: Digest, { signal }: AbortOptions): Promise<boolean> {
  try {
    return (await repository.referrers(subject, { signal })) !== undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryError) || error.code === 'ERR_REGISTRY_UNREACHABLE') throw error;
    if (error.status === 429 || error.retryAfterMs !== undefined) throw error; // busy: asked again later
    return false;
  }
}

/** Asks the API, page after page. Undefined when the registry has none. */
export async function queryReferrers(
  connection: RegistryConnection,
  target: string,
  access: Access,
  { signal }: AbortOptions,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  const headers = { accept: mediaTypes.ociIndex };
  const { metadataMs } = connection.options.timeouts;
  let isSupported = true;
  const read = async (answer: Answer): Promise<readonly Descriptor[] | undefined> => {
    isSupported = answer.status === 200 && answer.mediaType === mediaTypes.ociIndex; // a web page answers every path
    if (!isSupported) {
      await answer.discard();
      return undefined;
    }
    const bytes = await answer.bytes({ limit: maxIndexSize, timeoutMs: metadataMs });
    const entries = manifestsOf(bytes, () => answer.protocolError('a list of referrers that is no index'));
    if (found.length + entries.length > maxReferrers) throw answer.protocolError(`more than ${maxReferrers} referrers`);
    return entries;
  };
  const request = { target, access, headers, expect: [200, ...saysNoList], signal };
  for await (const entries of pagesOf(connection, request, read)) found.push(...entries);
  return isSupported ? found : undefined;
}

/** The list under the fallback tag; undefined where that tag is another name of the manifest itself. */
async function taggedReferrers(
  repository: ReferrerRequests,
  subject: Digest,
  { signal }: AbortOptions,
): Promise<readonly Descriptor[] | undefined> {
  const index = await repository.getManifest(referrersTag(subject), { signal });
  if (index === undefined) return [];
  if (index.digest === subject || digestBytes(index.bytes, algorithmOf(subject)) === subject) return undefined;
  const refuse = (): RegistryError => protocolError(repository, subject, 'names no index');
  if (index.mediaType !== mediaTypes.ociIndex) throw refuse();
  return manifestsOf(index.bytes, refuse);
}

function manifestsOf(bytes: Uint8Array, refuse: () => RegistryError): readonly Descriptor[] {
  let parsed: ReturnType<typeof parseManifest>;
  try {
    parsed = parseManifest(bytes, mediaTypes.ociIndex, { maxSize: maxIndexSize });
  } catch {
    throw refuse();
  }
  if (parsed.kind !== 'oci-index') throw refuse();
  return parsed.manifests;
}

function protocolError({ registry, path }: ReferrerRequests, subject: Digest, problem: string): RegistryError {
  return new RegistryError(`${registry}/${path}:${referrersTag(subject)}, which lists referrers, ${problem}`, {
    code: 'ERR_REGISTRY_PROTOCOL',
  });
}
