import type { Compression, FormNotes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import {
  buildDockerManifest,
  buildOciManifest,
  type Descriptor,
  type DockerManifest,
  isForeign,
  isNondistributableMediaType,
  layerMediaType,
  mediaTypes,
  type OciManifest,
  rereadManifest,
  toDockerMediaType,
  toOciMediaType,
} from '@slipway/manifest';
import type { PushFormat } from '../push.ts';
import type { LayerDescriptor, Manifest, PlanContext } from './plan-types.ts';

/** Whose media types a manifest speaks. */
export type ManifestFamily = 'docker' | 'oci';

/**
 * The family an image goes out in: the one asked for, else its own: that of its manifest, or of its config where it has
 * none.
 */
export function manifestFamilyOf({ manifest, config }: SourceImage, format: PushFormat): ManifestFamily {
  if (format !== 'keep') return format;
  if (manifest === undefined) return config.mediaType === mediaTypes.ociConfig ? 'oci' : 'docker';
  return isDocker(manifest.mediaType) ? 'docker' : 'oci';
}

/** One layer of a manifest to build, with the compression its bytes have. */
export interface AssembledLayer {
  readonly layer: LayerDescriptor;
  readonly compression: Compression;
  /** What was said of the bytes when they were made here. */
  readonly notes: FormNotes | undefined;
}

/** Builds the manifest of an image whose layers have their final bytes. */
export function assembleManifest(
  family: ManifestFamily,
  image: SourceImage,
  layers: readonly AssembledLayer[],
): Manifest {
  const given = givenManifest(image);
  const descriptors = layers.map((assembled, at) => {
    const { inherited, descriptor } = image.layers[at] ?? {};
    return layerDescriptor(family, assembled, inherited === undefined ? given?.layers[at] : descriptor);
  });
  const config: Descriptor = {
    ...annotationsOf(given?.config.annotations),
    mediaType: family === 'docker' ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    digest: image.config.digest,
    size: image.config.bytes.byteLength,
  };
  if (family === 'docker') return buildDockerManifest({ config, layers: descriptors });
  const { subject, artifactType } = given?.kind === 'oci-manifest' ? given : ({} as Partial<OciManifest>);
  const annotations = manifestAnnotations(image, given);
  return buildOciManifest({ config, layers: descriptors, annotations, subject, artifactType });
}

/** Tells what the manifest of an image says that its new form cannot. */
export function warnOfLosses(image: SourceImage, family: ManifestFamily, { warn }: Pick<PlanContext, 'warn'>): void {
  const given = givenManifest(image);
  if (family !== 'docker') return;
  const lost = [
    ...(Object.keys(manifestAnnotations(image, given) ?? {}).length > 0 ? ['annotations'] : []),
    ...(given?.kind === 'oci-manifest' && given.subject !== undefined ? ['subject'] : []),
    ...(given?.layers.some(becomesOrdinary) ? ['mark of non-distributable layers'] : []),
  ];
  if (lost.length === 0) return;
  warn({
    code: 'conversion-loss',
    message: `a Docker manifest has no place for the ${lost.join(' and ')} of the image`,
  });
}

function becomesOrdinary(layer: Descriptor): boolean {
  return isNondistributableMediaType(layer.mediaType) && !staysForeign(layer, 'docker');
}

function layerDescriptor(
  family: ManifestFamily,
  { layer, compression, notes }: AssembledLayer,
  given: Descriptor | undefined,
): Descriptor {
  if ('foreign' in layer) {
    const { foreign } = layer;
    const mediaType = (family === 'docker' ? toDockerMediaType : toOciMediaType)(foreign.mediaType);
    return { ...foreign, mediaType: mediaType ?? foreign.mediaType };
  }
  const { digest, size } = layer;
  // A docker archive's foreign layers that are pushed after all become ordinary ones, as docker makes them.
  const nondistributable = given !== undefined && staysForeign(given, family);
  const mediaType = layerMediaType(family, compression, { nondistributable });
  const isSame = given?.digest === digest;
  const kept = isSame ? given.annotations : withoutFormAnnotations(given?.annotations);
  // Docker's own manifests have none; what reads these layers looks for them in every manifest.
  const annotations = notes === undefined ? kept : { ...kept, ...notes.annotations };
  return { mediaType, digest, size, ...(given?.urls && { urls: given.urls }), ...annotationsOf(annotations) };
}

/**
 * Whether a layer whose bytes are pushed keeps a foreign type. Docker's says that the bytes lie at its `urls`: without
 * any, docker-registry refuses the manifest.
 */
function staysForeign(given: Descriptor, family: ManifestFamily): boolean {
  return isNondistributableMediaType(given.mediaType) && (family === 'oci' || isForeign(given));
}

/** They tell of the very bytes of a layer: tables of contents of eStargz and zstd:chunked, digests of plain forms. */
const formAnnotations: readonly string[] = [
  'containerd.io/snapshot/stargz/',
  'io.containers.estargz.',
  'io.containers.zstd-chunked.',
  'io.github.containers.zstd-chunked.',
  'io.github.containers.toc.',
];

function withoutFormAnnotations(annotations: Descriptor['annotations']): Descriptor['annotations'] {
  const kept = Object.entries(annotations ?? {}).filter(
    ([key]) => !formAnnotations.some((form) => key.startsWith(form)),
  );
  return Object.fromEntries(kept);
}

function manifestAnnotations(
  { manifest, annotations }: SourceImage,
  given: DockerManifest | OciManifest | undefined,
): Descriptor['annotations'] {
  if (manifest === undefined) return annotations;
  return given?.kind === 'oci-manifest' ? given.annotations : undefined;
}

function annotationsOf(annotations: Descriptor['annotations']): Pick<Descriptor, 'annotations'> {
  return annotations !== undefined && Object.keys(annotations).length > 0 ? { annotations } : {};
}

function givenManifest({ manifest }: SourceImage): DockerManifest | OciManifest | undefined {
  const parsed = manifest && rereadManifest(manifest);
  return parsed?.kind === 'oci-manifest' || parsed?.kind === 'docker-manifest' ? parsed : undefined;
}

function isDocker(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.');
}
