import { aBoolean, assertArgument, assertOptions, oneOf } from '@slipway/arguments';
import type { Compression, ReadableCompression } from '@slipway/digest';

/**
 * Every media type of an image that Docker and OCI have given a name.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/schema2/manifest.go#L12-L37
 */
export const mediaTypes = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerPluginConfig: 'application/vnd.docker.plugin.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  /** Docker itself never wrote it; containerd and BuildKit do. */
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  dockerForeignLayerZstd: 'application/vnd.docker.image.rootfs.foreign.diff.tar.zstd',

  schema1Manifest: 'application/vnd.docker.distribution.manifest.v1+json',
  schema1SignedManifest: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  schema1Layer: 'application/vnd.docker.container.image.rootfs.diff+x-gtar',

  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  /** Non-distributable layers are deprecated since image-spec 1.1, and still found. */
  ociNondistributableLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  ociNondistributableLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociNondistributableLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  /** A release candidate of image-spec 1.1 had it; a few registries keep some. */
  ociArtifactManifest: 'application/vnd.oci.artifact.manifest.v1+json',
  /** The two bytes `{}`, for a config or a layer that has nothing to say. */
  ociEmpty: 'application/vnd.oci.empty.v1+json',

  /** The layers of a BuildKit attestation. */
  inTotoStatement: 'application/vnd.in-toto+json',
} as const;

/**
 * Whether a text is a media type, without parameters: what descriptors and manifests may call content.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6838#section-4.2
 */
export function isMediaType(text: string): boolean {
  return typeof text === 'string' && /^[A-Za-z0-9][\w!#$&^.+-]{0,126}\/[A-Za-z0-9][\w!#$&^.+-]{0,126}$/.test(text);
}

/** Media types of documents that name one image or artifact. */
export function isManifestMediaType(mediaType: string): boolean {
  return (
    mediaType === mediaTypes.dockerManifest ||
    mediaType === mediaTypes.ociManifest ||
    mediaType === mediaTypes.ociArtifactManifest ||
    isSchema1MediaType(mediaType)
  );
}

/** Media types of documents that name several manifests. */
export function isIndexMediaType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList;
}

/** Docker's first manifests, signed or not. */
export function isSchema1MediaType(mediaType: string): boolean {
  return mediaType === mediaTypes.schema1Manifest || mediaType === mediaTypes.schema1SignedManifest;
}

/** Media types of configs that describe an image that can be run, so that have diffIDs. */
export function isImageConfigMediaType(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerConfig || mediaType === mediaTypes.ociConfig;
}

/** Whether a layer's type says that its bytes are kept elsewhere: Docker's *foreign*, OCI's *non-distributable*. */
export function isNondistributableMediaType(mediaType: string): boolean {
  return layerTypes.some((layer) => layer.nondistributable && (layer.docker === mediaType || layer.oci === mediaType));
}

/** Whether a type is one of an image's layers. */
export function isLayerMediaType(mediaType: string): boolean {
  return compressionOfMediaType(mediaType) !== undefined;
}

/**
 * How a layer of this type is compressed; undefined for what is no layer, or is encrypted. xz and bzip2 have no type in
 * the specifications; builders that use them write the suffix all the same.
 */
export function compressionOfMediaType(mediaType: string): ReadableCompression | undefined {
  if (mediaType === mediaTypes.schema1Layer) return 'gzip';
  const named = layerTypes.find((layer) => layer.docker === mediaType || layer.oci === mediaType)?.compression;
  return named ?? unnamedTypes.get(mediaType);
}

/** What kind of layer it is. */
export interface LayerMediaTypeOptions {
  /** @default false */
  readonly nondistributable?: boolean | undefined;
}

/** The type of a layer in one of the two formats. */
export function layerMediaType(
  format: 'docker' | 'oci',
  compression: Compression,
  options: LayerMediaTypeOptions = {},
): string {
  assertArgument('format', format, oneOf('docker', 'oci'));
  assertArgument('compression', compression, oneOf('none', 'gzip', 'zstd'));
  assertOptions('options', options, { optional: { nondistributable: aBoolean } });
  const nondistributable = options.nondistributable ?? false;
  const found = layerTypes.find((l) => l.compression === compression && l.nondistributable === nondistributable);
  if (found === undefined) throw new Error(`unreachable: no layer is compressed with ${compression}`);
  return found[format];
}

/** The OCI name of a Docker type; OCI types as they are; undefined where OCI has no such thing. */
export function toOciMediaType(mediaType: string): string | undefined {
  if (mediaType === mediaTypes.schema1Layer) return mediaTypes.ociLayerGzip;
  return pairs.find(({ docker, oci }) => docker === mediaType || oci === mediaType)?.oci;
}

/** The Docker name of an OCI type; Docker types as they are; undefined where Docker has no such thing. */
export function toDockerMediaType(mediaType: string): string | undefined {
  if (mediaType === mediaTypes.schema1Layer) return mediaTypes.dockerLayerGzip;
  return pairs.find(({ docker, oci }) => docker === mediaType || oci === mediaType)?.docker;
}

interface Pair {
  readonly docker: string;
  readonly oci: string;
}

interface LayerPair extends Pair {
  readonly compression: Compression;
  readonly nondistributable: boolean;
}

const layerTypes: readonly LayerPair[] = [
  layer(mediaTypes.dockerLayer, mediaTypes.ociLayer, 'none', false),
  layer(mediaTypes.dockerLayerGzip, mediaTypes.ociLayerGzip, 'gzip', false),
  layer(mediaTypes.dockerLayerZstd, mediaTypes.ociLayerZstd, 'zstd', false),
  layer(mediaTypes.dockerForeignLayer, mediaTypes.ociNondistributableLayer, 'none', true),
  layer(mediaTypes.dockerForeignLayerGzip, mediaTypes.ociNondistributableLayerGzip, 'gzip', true),
  layer(mediaTypes.dockerForeignLayerZstd, mediaTypes.ociNondistributableLayerZstd, 'zstd', true),
];

const unnamedTypes: ReadonlyMap<string, 'xz' | 'bzip2'> = new Map(
  layerTypes
    .filter(({ compression }) => compression === 'none')
    .flatMap(({ docker, oci }) =>
      (['xz', 'bzip2'] as const).flatMap((compression) => [
        [`${docker}.${compression}`, compression] as const,
        [`${oci}+${compression}`, compression] as const,
      ]),
    ),
);

const pairs: readonly Pair[] = [
  { docker: mediaTypes.dockerManifest, oci: mediaTypes.ociManifest },
  { docker: mediaTypes.dockerManifestList, oci: mediaTypes.ociIndex },
  { docker: mediaTypes.dockerConfig, oci: mediaTypes.ociConfig },
  ...layerTypes,
];

function layer(docker: string, oci: string, compression: Compression, nondistributable: boolean): LayerPair {
  return { docker, oci, compression, nondistributable };
}
