import type { AbortOptions, ByteStream, Digest } from '@slipway/digest';
import { buildIndex, type Descriptor, encodeGoJSON, isIndexMediaType } from '@slipway/manifest';
import { familiarName, familiarString, formatReference, type Reference } from '@slipway/reference';
import { blobName } from '../layout/store-files.ts';
import { paddingOf, tarEnd, tarFolder, tarHeader } from '../layout/tar-writer.ts';
import type { ManifestFacts } from './image-facts.ts';
import { layerSourceOf } from './layer-source.ts';

/** One image of an archive, with the names it has there. */
export interface SavedImage {
  readonly facts: ManifestFacts;
  readonly references: readonly Reference[];
}

/** Opens a blob, or says that there is none: a foreign layer that nobody fetched. */
export type OpenBlob = (digest: Digest) => Promise<{ readonly size: number; readonly stream: ByteStream } | undefined>;

/**
 * Writes images as `docker save` does since 25: an OCI image layout, with `manifest.json` and `repositories` for
 * readers of the older format. The documents come first, so that a reader of a stream knows what follows.
 *
 * @see https://github.com/moby/moby/blob/v28.5.2/daemon/internal/image/tarexport/save.go
 */
export async function* saveArchive(
  images: readonly SavedImage[],
  openBlob: OpenBlob,
  { signal }: AbortOptions = {},
): ByteStream {
  yield* document('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  yield* document('index.json', buildIndex({ manifests: images.flatMap(indexEntries) }).bytes);
  yield* document('manifest.json', encodeGoJSON(images.flatMap(dockerEntries)));
  const repositories = repositoriesOf(images);
  if (repositories.size > 0) yield* document('repositories', encodeGoJSON(repositories));
  yield tarFolder('blobs/');
  const blobs = new Set(images.flatMap(({ facts }) => [...facts.blobs.keys()]));
  for (const algorithm of new Set([...blobs].map((digest) => digest.split(':', 1)[0]))) {
    yield tarFolder(`blobs/${algorithm}/`);
  }
  for (const digest of blobs) {
    signal?.throwIfAborted();
    const blob = await openBlob(digest);
    if (!blob) continue;
    yield tarHeader(blobName(digest), blob.size);
    yield* blob.stream;
    yield paddingOf(blob.size);
  }
  yield tarEnd;
}

function* document(name: string, content: string | Uint8Array): Generator<Uint8Array> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  yield tarHeader(name, bytes.byteLength);
  yield bytes;
  yield paddingOf(bytes.byteLength);
}

function indexEntries({ facts, references }: SavedImage): readonly Descriptor[] {
  const { mediaType, digest, size } = facts.descriptor;
  const descriptor = { mediaType, digest, size };
  const tags = references.filter(({ tag }) => tag !== undefined);
  if (tags.length === 0) return [descriptor];
  return tags.map((reference) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': formatReference(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? '',
    },
  }));
}

/** Of an index, the image that runs here: the older format knows no others. */
function dockerEntries({ facts, references }: SavedImage): readonly object[] {
  const image = isIndexMediaType(facts.descriptor.mediaType) ? imageWithin(facts) : facts;
  if (image?.kind !== 'image' || !image.config) return [];
  const { digest, diffIDs } = image.config;
  const tags = references.filter(({ tag }) => tag !== undefined).map(familiarString);
  return [
    {
      Config: blobName(digest),
      RepoTags: tags.length > 0 ? tags : null,
      Layers: image.layers.map((layer) => blobName(layer.digest)),
      LayerSources: new Map(image.layers.map((layer, at) => [diffIDs[at] ?? '', layerSourceOf(layer)])),
    },
  ];
}

function imageWithin(index: ManifestFacts): ManifestFacts | undefined {
  for (const child of index.children) {
    if (child.config && child.config.digest === index.config?.digest) {
      return child.kind === 'index' ? imageWithin(child) : child;
    }
  }
  return undefined;
}

/** What docker before 1.10 reads: the top layer of each tag. */
function repositoriesOf(images: readonly SavedImage[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const repositories = new Map<string, Map<string, string>>();
  for (const { facts, references } of images) {
    const top = (isIndexMediaType(facts.descriptor.mediaType) ? imageWithin(facts) : facts)?.layers.at(-1);
    if (!top) continue;
    for (const reference of references) {
      if (reference.tag === undefined) continue;
      const name = familiarName(reference);
      const tags = repositories.get(name) ?? new Map<string, string>();
      repositories.set(name, tags.set(reference.tag, top.digest.slice(top.digest.indexOf(':') + 1)));
    }
  }
  return repositories;
}
