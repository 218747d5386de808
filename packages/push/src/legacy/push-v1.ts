import { createHash } from 'node:crypto';
import { type AbortOptions, type ByteStream, type Compressor, type Digest, verified } from '@slipway/digest';
import { createTarSum } from '@slipway/digest/tarsum';
import { mediaTypes } from '@slipway/manifest';
import type { V1Session } from '@slipway/registry-client/v1';
import type { TagResult } from '../deliver/tag-delivery.ts';
import { type PushError, pushFailure } from '../errors.ts';
import type { BlobSubject, PushEvent } from '../events.ts';
import type { Manifest } from '../plan/plan-types.ts';
import { type ChainImage, openPlain } from './legacy-image.ts';

/** Lookups at once, as Docker had them. */
const lookupWorkers = 5;

export interface PushV1Options extends AbortOptions {
  /** The repository's path: `library/alpine`. */
  readonly repository: string;
  /** Familiar name, as events say it. */
  readonly destination: string;
  readonly tags: readonly string[];
  readonly gzip: Compressor;
  /** Remembers which layer a v1 image is; a failure is nobody's concern but its own. */
  readonly remember: (id: string, diffID: Digest) => Promise<void>;
  readonly emit: (event: PushEvent) => void;
}

/**
 * Pushes a chain to a v1 registry in Docker's order: the list to the index; at each endpoint first all lookups, then one
 * missing image after the other, parents first, then the tags; the index again in the end. Nothing is tried twice: what was
 * begun is found incomplete and sent again by the next push.
 *
 * @see https://github.com/moby/moby/blob/v1.12.6/distribution/push_v1.go#L289-L463
 */
export async function pushV1(
  session: V1Session,
  chain: readonly ChainImage[],
  options: PushV1Options,
): Promise<readonly TagResult[]> {
  const { repository, tags, destination, signal, emit } = options;
  const top = chain.at(-1);
  if (top === undefined) throw new Error('unreachable: every image is a chain of one at least');
  for (const image of chain) emit({ type: 'blob:preparing', blob: subjectOf(image, destination) });
  const entries = chain.flatMap(({ id }) => (id === top.id ? tags.map((tag) => ({ id, tag })) : [{ id }]));
  const endpoints = await attempt('push manifest', `the list of images to ${destination}`, signal, () =>
    session.putIndex(repository, entries, { signal }),
  );
  const told = topManifest(top);
  for (const endpoint of endpoints) {
    const present = await findPresent(session, endpoint, chain, options);
    for (const image of chain) {
      if (!present.has(image.id)) {
        await attempt('push layer', `${image.id.slice(0, 12)} to ${destination}`, signal, () =>
          pushImage(session, endpoint, image, options),
        );
      }
    }
    for (const tag of tags) {
      await attempt('push manifest', `${tag} to ${destination}`, signal, () =>
        session.putTag(endpoint, repository, tag, top.id, { signal }),
      );
    }
  }
  await attempt('push manifest', `the end of the push to ${destination}`, signal, () =>
    session.finish(repository, endpoints, { signal }),
  );
  for (const tag of tags) {
    const { mediaType, digest, bytes } = told;
    const size = bytes.byteLength;
    emit({ type: 'manifest:pushed', destination, tag, digest, size, mediaType, unchanged: false });
  }
  return tags.map((tag) => ({ tag, manifest: told, unchanged: false }));
}

/** There is no manifest: what is told is the v1 id and the `json` of the top image. */
function topManifest({ id, json }: ChainImage): Manifest {
  return { mediaType: mediaTypes.dockerConfig, digest: `sha256:${id}` as Digest, bytes: json };
}

async function findPresent(
  session: V1Session,
  endpoint: URL,
  chain: readonly ChainImage[],
  { destination, signal, emit }: PushV1Options,
): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  const queue = [...chain];
  const work = async (): Promise<void> => {
    for (let image = queue.shift(); image !== undefined; image = queue.shift()) {
      if (!(await session.hasImage(endpoint, image.id, { signal }))) continue;
      present.add(image.id);
      emitExisted(image, destination, emit);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lookupWorkers, chain.length) }, work));
  return present;
}

async function pushImage(
  session: V1Session,
  endpoint: URL,
  image: ChainImage,
  { destination, gzip, signal, emit, remember }: PushV1Options,
): Promise<void> {
  const { id, json, diffID } = image;
  if (!(await session.putJSON(endpoint, id, json, { signal }))) {
    emitExisted(image, destination, emit);
    return;
  }
  const blob = subjectOf(image, destination);
  const tarsum = createTarSum('0');
  const payload = createHash('sha256').update(json).update('\n');
  let read = 0;
  let size = 0;
  const plain = told(verified(openPlain(image, { signal }), { digest: diffID }), (chunk) => {
    tarsum.update(chunk);
    read += chunk.byteLength;
  });
  const compressed = told(gzip.compress(plain, { signal }), (chunk) => {
    payload.update(chunk);
    size += chunk.byteLength;
  });
  await session.putLayer(endpoint, id, compressed, {
    signal,
    onProgress: (sent) =>
      emit({ type: 'blob:progress', blob, sent, size: undefined, read, readTotal: Math.max(read, image.stored.size) }),
  });
  const checksums = { tarsum: tarsum.sum(json), payload: `sha256:${payload.digest('hex')}` };
  await session.putChecksums(endpoint, id, checksums, { signal });
  await remember(id, diffID);
  emit({ type: 'blob:pushed', blob, digest: diffID, size });
}

async function* told(stream: ByteStream, tell: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of stream) {
    tell(chunk);
    yield chunk;
  }
}

function emitExisted(image: ChainImage, destination: string, emit: (event: PushEvent) => void): void {
  const { diffID, stored } = image;
  emit({ type: 'blob:existed', blob: subjectOf(image, destination), digest: diffID, size: stored.size, learnt: false });
}

function subjectOf({ id }: ChainImage, destination: string): BlobSubject {
  return { destination, role: 'layer', id: id.slice(0, 12), key: `sha256:${id}` as Digest };
}

async function attempt<T>(
  op: PushError['op'],
  subject: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    signal?.throwIfAborted();
    throw pushFailure(subject, { op, origin: 'destination', cause });
  }
}
