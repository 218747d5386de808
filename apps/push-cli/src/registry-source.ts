import { type AbortOptions, type Compression, type Content, type Digest, verified } from '@slipway/digest';
import {
  type ImageSource,
  type SourceArtifact,
  SourceError,
  type SourceImage,
  type SourceItem,
  type SourceLayer,
} from '@slipway/image-source';
import {
  compressionOfMediaType,
  type Descriptor,
  isAttestation,
  isImageConfigMediaType,
  isLayerMediaType,
  isNondistributableMediaType,
  parseImageConfig,
  parseManifest,
  platformOfConfig,
} from '@slipway/manifest';
import { familiarString, type Reference } from '@slipway/reference';
import type { ManifestContent, Repository } from '@slipway/registry-client';

const maxDepth = 8;
const maxConfigSize = 8 * 1024 * 1024;

/**
 * Opens an image that lies in a registry. Manifests and configs are read at once, layers when they are sent.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when the registry has no such tag or digest
 */
export async function readRegistrySource(
  repository: Repository,
  reference: Reference,
  options: AbortOptions,
): Promise<Omit<ImageSource, typeof Symbol.asyncDispose>> {
  const name = `docker://${familiarString(reference)}`;
  const wanted = reference.digest ?? reference.tag ?? 'latest';
  const names = reference.digest === undefined ? [familiarString(reference)] : [];
  return { kind: 'registry', name, items: [await readItem(wanted, { repository, name, names, depth: 0, ...options })] };
}

interface Reading extends AbortOptions {
  readonly repository: Repository;
  readonly name: string;
  readonly names: readonly string[];
  readonly depth: number;
  readonly descriptor?: Descriptor | undefined;
}

async function readItem(tagOrDigest: string, reading: Reading): Promise<SourceItem> {
  const { repository, name, names, depth, descriptor, signal } = reading;
  const manifest = await repository.getManifest(tagOrDigest, { signal });
  if (manifest === undefined) {
    throw new SourceError('ERR_SOURCE_NOT_FOUND', `${name}: the registry has no manifest ${tagOrDigest}`, {
      hint: 'check the repository and the tag',
    });
  }
  const parsed = parseManifest(manifest.bytes, manifest.mediaType);
  switch (parsed.kind) {
    case 'oci-index':
    case 'docker-list': {
      if (depth >= maxDepth)
        throw new SourceError('ERR_SOURCE_INVALID', `${name}: indexes more than ${maxDepth} levels deep`);
      const children: { descriptor: Descriptor; item: SourceItem }[] = [];
      for (const child of parsed.manifests) {
        const item = await readItem(child.digest, { ...reading, names: [], depth: depth + 1, descriptor: child });
        children.push({ descriptor: child, item });
      }
      return { kind: 'index', names, manifest, children };
    }
    case 'oci-manifest':
    case 'docker-manifest': {
      const isImage =
        isImageConfigMediaType(parsed.config.mediaType) &&
        !(descriptor !== undefined && isAttestation(descriptor)) &&
        !('artifactType' in parsed && parsed.artifactType) &&
        parsed.layers.every(({ mediaType }) => isLayerMediaType(mediaType));
      if (isImage) return await readImage(parsed.config, parsed.layers, manifest, reading);
      return artifactOf([parsed.config, ...parsed.layers], manifest, reading);
    }
    case 'oci-artifact-manifest':
      return artifactOf(parsed.blobs, manifest, reading);
    case 'schema1':
      throw new SourceError('ERR_SOURCE_UNSUPPORTED', `${name} is a schema 1 manifest`, {
        hint: 'pull it with an old docker and save it to an archive',
      });
    default:
      throw new Error(`unreachable: ${parsed satisfies never}`);
  }
}

async function readImage(
  config: Descriptor,
  descriptors: readonly Descriptor[],
  manifest: ManifestContent,
  { repository, name, names, signal }: Reading,
): Promise<SourceImage> {
  if (config.size > maxConfigSize)
    throw new SourceError('ERR_SOURCE_INVALID', `${name}: the config has ${config.size} bytes`);
  const bytes = new Uint8Array(config.size);
  let offset = 0;
  for await (const chunk of contentOfBlob(repository, config).open({ signal })) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  const parsed = parseImageConfig(bytes);
  const diffIDs = parsed.rootfs.diff_ids;
  if (diffIDs.length !== descriptors.length) {
    throw new SourceError('ERR_SOURCE_INVALID', `${name}: ${diffIDs.length} diffIDs for ${descriptors.length} layers`);
  }
  return {
    kind: 'image',
    names,
    platform: platformOfConfig(parsed),
    config: { mediaType: config.mediaType, digest: config.digest, bytes },
    layers: descriptors.map((descriptor, index) => layerOf(repository, descriptor, diffIDs[index] as Digest)),
    manifest,
  };
}

/** A foreign layer is left where its URLs say: registries that have it all the same are rare, and pushes skip it. */
function layerOf(repository: Repository, descriptor: Descriptor, diffID: Digest): SourceLayer {
  const isForeign = isNondistributableMediaType(descriptor.mediaType);
  const compression: Compression = compressionOfMediaType(descriptor.mediaType) ?? 'none';
  return { diffID, content: isForeign ? undefined : contentOfBlob(repository, descriptor), compression, descriptor };
}

function artifactOf(
  descriptors: readonly Descriptor[],
  manifest: ManifestContent,
  { repository, names }: Reading,
): SourceArtifact {
  const blobs = descriptors.map((descriptor) => ({ descriptor, content: contentOfBlob(repository, descriptor) }));
  return { kind: 'artifact', names, manifest, blobs };
}

function contentOfBlob(repository: Repository, { digest, size }: Descriptor): Content {
  return {
    size,
    open(options = {}) {
      const stream = repository.openBlob(digest, options);
      // A part cannot be verified by itself; whoever reads from the middle has read the beginning before.
      return options.from ? stream : verified(stream, { digest, size });
    },
  };
}
