import { ArgumentError, assertArgument, aText } from '@slipway/arguments';
import { algorithmOf, digestBytes, isDigest } from '@slipway/digest';
import { isSchema1MediaType, mediaTypes } from '@slipway/manifest';
import { isTag } from '@slipway/reference';
import { assertSameDigest, contentDigest } from '../answers/content-digest.ts';
import type { Answer } from '../http/answer/answer.ts';
import { assertNoWebPage, isWebPage, webPageError } from '../http/answer/web-page.ts';
import { bodyOfBytes } from '../http/request/request-body.ts';
import type {
  ManifestContent,
  ManifestStat,
  PutManifestOptions,
  PutManifestResult,
  StatManifestOptions,
} from '../repository.ts';
import type { RepositoryAt } from './repository-at.ts';

/** Registries refuse to store larger ones. */
export const maxManifestSize = 16_777_216;

const defaultAccept: readonly string[] = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
];

/** For questions to which it does not matter what a manifest is. */
export const acceptAll: readonly string[] = [
  ...defaultAccept,
  mediaTypes.ociArtifactManifest,
  mediaTypes.schema1SignedManifest,
  mediaTypes.schema1Manifest,
];

/** HEAD of a manifest. */
export async function statManifest(
  at: RepositoryAt,
  tagOrDigest: string,
  options: StatManifestOptions,
): Promise<ManifestStat | undefined> {
  const answer = await askManifest('HEAD', at, tagOrDigest, options);
  await answer.discard();
  if (isWebPage(answer, undefined)) throw webPageError(answer, undefined);
  if (answer.status === 404) return undefined;
  if (isDigest(tagOrDigest)) assertSameDigest(answer, tagOrDigest);
  return { mediaType: answer.mediaType, digest: contentDigest(answer), size: answer.size };
}

/**
 * GET of a manifest: its digest is that of the bytes, and the registry must not claim another. Of a signed one of
 * schema 1, by whose signed part a registry knows it, that part is handed out.
 */
export async function getManifest(
  at: RepositoryAt,
  tagOrDigest: string,
  options: StatManifestOptions,
): Promise<ManifestContent | undefined> {
  const answer = await askManifest('GET', at, tagOrDigest, options);
  if (answer.status === 404) {
    await answer.discard();
    return undefined;
  }
  const { metadataMs } = at.connection.options.timeouts;
  const body = await answer.bytes({ limit: maxManifestSize, timeoutMs: metadataMs });
  if (isWebPage(answer, body)) throw webPageError(answer, body);
  const { mediaType } = answer;
  const isOld = isSchema1MediaType(mediaType);
  const bytes = isOld ? await withoutSignatures(body) : body;
  const asked = isDigest(tagOrDigest) ? tagOrDigest : undefined;
  const digest = digestBytes(bytes, asked && algorithmOf(asked));
  if (asked !== undefined && digest !== asked) throw answer.protocolError(`a manifest of another digest, ${digest}`);
  // Registries of that age name it by either digest.
  if (!isOld) assertSameDigest(answer, digest);
  return { mediaType, digest, bytes };
}

async function withoutSignatures(body: Uint8Array): Promise<Uint8Array> {
  const { signedPayload } = await import('@slipway/manifest/schema1');
  try {
    return signedPayload(body, { maxSize: maxManifestSize }) ?? body;
  } catch {
    return body; // what its signatures say of it is nonsense: the reader of the document is told
  }
}

/** PUT of a manifest. */
export async function putManifest(
  at: RepositoryAt,
  tagOrDigest: string,
  bytes: Uint8Array,
  { mediaType, signal, onBodySent }: PutManifestOptions,
): Promise<PutManifestResult> {
  const { connection, access } = at;
  const answer = await connection.send({
    method: 'PUT',
    target: manifestPath(at, tagOrDigest),
    access,
    headers: { 'content-type': mediaType },
    body: bodyOfBytes(bytes),
    commits: bytes.byteLength,
    onBodySent,
    expect: [200, 201, 202, 204],
    signal,
  });
  await assertNoWebPage(answer);
  const subject = answer.header('oci-subject');
  return {
    status: answer.status,
    digest: contentDigest(answer),
    location: targetOf(answer),
    ...(subject !== undefined && isDigest(subject) && { subject }),
  };
}

/**
 * The target of requests for a manifest.
 *
 * @throws {TypeError} for what is neither a tag nor a digest
 */
export function manifestPath(at: RepositoryAt, tagOrDigest: string): string {
  assertArgument('tagOrDigest', tagOrDigest, aText);
  if (!isTag(tagOrDigest) && !isDigest(tagOrDigest)) {
    throw new ArgumentError(
      'tagOrDigest',
      `Expected \`tagOrDigest\` to be a tag or a digest, got ${JSON.stringify(tagOrDigest)}`,
    );
  }
  return at.path(`manifests/${tagOrDigest}`);
}

async function askManifest(
  method: 'HEAD' | 'GET',
  at: RepositoryAt,
  tagOrDigest: string,
  { accept = defaultAccept, signal }: StatManifestOptions,
): Promise<Answer> {
  const { connection, access, isAhead } = at;
  const target = manifestPath(at, tagOrDigest);
  return await connection.send({
    method,
    target,
    access,
    headers: { accept: accept.join(', ') },
    isAhead,
    expect: [200, 404],
    signal,
  });
}

/** Where an answer says that the thing is now; undefined for what is no URL. Nothing is sent there. */
function targetOf(answer: Answer): URL | undefined {
  const location = answer.header('location');
  return location !== undefined && URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined;
}
