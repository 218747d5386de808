import { createHash } from 'node:crypto';
import type { AbortOptions, ByteStream, Compressor, Digest } from '@slipway/digest';
import { createTarSum } from '@slipway/digest/tarsum';
import { mediaTypes } from '@slipway/manifest';
import type { V1Session } from '@slipway/registry-client/v1';
import type { Clock } from '@slipway/transfer';
import type { TagResult } from '../deliver/manifests/tag-delivery.ts';
import { failureTo, type PushError } from '../errors.ts';
import type { BlobSubject, PushEvent } from '../events.ts';
import type { Manifest } from '../plan/plan-types.ts';
import { confirmV1Tag } from './confirm-v1-tag.ts';
import { type ChainImage, PlainLayer } from './legacy-image.ts';

/** Lookups at once, as Docker had them. */
const lookupWorkers = 5;

/** One image of a repository, as a chain, and the tags that name it. */
export interface V1PushImage {
  /** Base first. */
  readonly chain: readonly ChainImage[];
  /** None for an image that only belongs to the repository. */
  readonly tags: readonly string[];
}

export interface PushV1Options extends AbortOptions {
  /** The repository's path: `library/alpine`. */
  readonly repository: string;
  /** Canonical name: `docker.io/library/alpine`. */
  readonly name: string;
  /** Familiar name, as events say it. */
  readonly destination: string;
  readonly gzip: Compressor;
  readonly clock: Clock;
  /** Remembers which layer a v1 image is; a failure is nobody's concern but its own. */
  readonly remember: (id: string, diffID: Digest) => Promise<void>;
  readonly emit: (event: PushEvent) => void;
}

/**
 * Pushes images of one repository to a v1 registry, in Docker's order: one list of all to the index, since an index may
 * forget what is not in the list; at each endpoint first all lookups, then one missing image after the other, parents
 * first, each followed by its tags, which are looked at; the index again in the end. Nothing is sent twice: what was
 * begun is found incomplete and sent again by the next push. An image counts once, however many endpoints it goes to.
 *
 * @returns one result a tag, for each of the images
 * @see https://github.com/moby/moby/blob/v1.12.6/distribution/push_v1.go#L289-L463
 */
export async function pushV1(
  session: V1Session,
  images: readonly V1PushImage[],
  options: PushV1Options,
): Promise<readonly (readonly TagResult[])[]> {
  const { repository, name, destination, signal, emit } = options;
  const list = listOf(images);
  if (list.length === 0) throw new Error('unreachable: every image is a chain of one at least');
  emit({ type: 'message', destination, text: 'Sending image list' });
  const entries = list.flatMap(({ image: { id }, tags }) =>
    tags.length > 0 ? tags.map((tag) => ({ id, tag })) : { id },
  );
  const endpoints = await attempt('push manifest', `push the list of images to ${destination}`, signal, () =>
    session.putIndex(repository, entries, { signal }),
  );
  emit({ type: 'message', destination, text: `Pushing repository ${name}` });
  const pushed = new Set<string>();
  for (const endpoint of endpoints) await pushToEndpoint(session, endpoint, list, pushed, options);
  for (const { image } of list) if (!pushed.has(image.id)) emitExisted(image, destination, '', emit); // said before
  await attempt('push manifest', `end the push to ${destination}`, signal, () =>
    session.finish(repository, endpoints, { signal }),
  );
  return images.map(({ chain, tags }) => {
    const manifest = topManifest(chain);
    const { mediaType, digest, bytes } = manifest;
    return tags.map((tag): TagResult => {
      const size = bytes.byteLength;
      // There is no manifest, so docker tells of none.
      emit({ type: 'manifest:pushed', destination, tag, digest, size, mediaType, unchanged: false, words: '' });
      return { tag, manifest, unchanged: false };
    });
  });
}

/** An image of the list that the index is sent. */
interface ListedImage {
  readonly image: ChainImage;
  readonly tags: readonly string[];
}

/** Every image once, at its first place, with all its tags: parents stand before their children. */
function listOf(images: readonly V1PushImage[]): readonly ListedImage[] {
  const listed = new Map<string, { readonly image: ChainImage; readonly tags: string[] }>();
  for (const { chain, tags } of images) {
    for (const [at, image] of chain.entries()) {
      const known = listed.get(image.id) ?? { image, tags: [] };
      listed.set(image.id, known);
      if (at === chain.length - 1) known.tags.push(...tags.filter((tag) => !known.tags.includes(tag)));
    }
  }
  return [...listed.values()];
}

/** There is no manifest: what is told is the v1 id and the `json` of the top image. */
function topManifest(chain: readonly ChainImage[]): Manifest {
  const top = chain.at(-1);
  if (top === undefined) throw new Error('unreachable: every image is a chain of one at least');
  return { mediaType: mediaTypes.dockerConfig, digest: blobKeyOf(top), bytes: top.json };
}

async function pushToEndpoint(
  session: V1Session,
  endpoint: URL,
  list: readonly ListedImage[],
  pushed: Set<string>,
  options: PushV1Options,
): Promise<void> {
  const { repository, destination, signal, clock, emit } = options;
  const present = await findPresent(session, endpoint, list, options);
  for (const { image, tags } of list) {
    const id = image.id.slice(0, 12);
    if (!present.has(image.id)) {
      const isPushed = await attempt('push layer', `push layer ${id} to ${destination}`, signal, () =>
        pushImage(session, endpoint, image, pushed.has(image.id), options),
      );
      if (isPushed) pushed.add(image.id);
    }
    for (const tag of tags) {
      const place = `${endpoint.href}repositories/${repository}/tags/${tag}`;
      emit({ type: 'message', destination, text: `Pushing tag for rev [${id}] on {${place}}` });
      await attempt('push manifest', `push tag ${tag} to ${destination}`, signal, () =>
        session.putTag(endpoint, repository, tag, image.id, { signal }),
      );
      await confirmV1Tag(session, { endpoint, repository, tag, id: image.id, destination }, { signal, clock });
    }
  }
}

async function findPresent(
  session: V1Session,
  endpoint: URL,
  list: readonly ListedImage[],
  { destination, signal, emit }: PushV1Options,
): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  const queue = list.map(({ image }) => image);
  const work = async (): Promise<void> => {
    for (let image = queue.shift(); image !== undefined; image = queue.shift()) {
      if (!(await session.hasImage(endpoint, image.id, { signal }))) continue;
      present.add(image.id);
      emit({ type: 'message', destination, text: `Image ${image.id.slice(0, 12)} already pushed, skipping` });
    }
  };
  await Promise.all(Array.from({ length: Math.min(lookupWorkers, list.length) }, work));
  return present;
}

/** False where the registry had the image after all. */
async function pushImage(
  session: V1Session,
  endpoint: URL,
  image: ChainImage,
  isAgain: boolean,
  { destination, gzip, signal, emit, remember }: PushV1Options,
): Promise<boolean> {
  const { id, json, diffID } = image;
  const blob = subjectOf(image, destination);
  const readTotal = image.stored.size;
  // Docker says `Pushing` before it asks. At a further endpoint the count begins anew, and what the others got is kept.
  emit({ type: 'blob:progress', blob, sent: 0, size: undefined, read: 0, readTotal });
  if (!(await session.putJSON(endpoint, id, json, { signal }))) {
    emit({ type: 'blob:message', blob, text: 'Image already pushed, skipping' });
    return false;
  }
  const tarsum = createTarSum('0');
  const payload = createHash('sha256').update(json).update('\n');
  let read = 0;
  let size = 0;
  const layer = new PlainLayer(image);
  const plain = told(layer.open({ signal }), (chunk) => {
    tarsum.update(chunk);
    read += chunk.byteLength;
  });
  const compressed = told(gzip.compress(plain, { signal }), (chunk) => {
    payload.update(chunk);
    size += chunk.byteLength;
  });
  const onProgress = (sent: number): void =>
    emit({ type: 'blob:progress', blob, sent, size: undefined, read, readTotal: Math.max(read, readTotal) });
  await session.putLayer(endpoint, id, compressed, { signal, onProgress }).catch((error: unknown) => {
    throw layer.blame(error);
  });
  const checksums = { tarsum: tarsum.sum(json), payload: `sha256:${payload.digest('hex')}` };
  await session.putChecksums(endpoint, id, checksums, { signal });
  await remember(id, diffID);
  const words = 'Image successfully pushed';
  if (isAgain) emit({ type: 'blob:message', blob, text: words });
  else emit({ type: 'blob:pushed', blob, digest: diffID, size, words });
  return true;
}

async function* told(stream: ByteStream, tell: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of stream) {
    tell(chunk);
    yield chunk;
  }
}

function emitExisted(image: ChainImage, destination: string, words: string, emit: (event: PushEvent) => void): void {
  const { diffID: digest, stored } = image;
  emit({ type: 'blob:existed', blob: subjectOf(image, destination), digest, size: stored.size, learnt: false, words });
}

function subjectOf(image: ChainImage, destination: string): BlobSubject {
  return { destination, role: 'layer', id: image.id.slice(0, 12), key: blobKeyOf(image) };
}

/** What events know an image by. */
export function blobKeyOf({ id }: Pick<ChainImage, 'id'>): Digest {
  return `sha256:${id}` as Digest;
}

/** @param what as a sentence has it: the manifests of other operations are lists and tags here */
async function attempt<T>(
  op: PushError['op'],
  what: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    signal?.throwIfAborted();
    throw failureTo(what, { op, origin: 'destination', cause });
  }
}
