import type { Compression } from '@slipway/digest';
import type { SourceImage, SourceIndex } from '@slipway/image-source';
import {
  buildDockerManifest,
  buildDockerManifestList,
  buildIndex,
  buildOciManifest,
  type Descriptor,
  layerMediaType,
  mediaTypes,
  parseManifest,
} from '@slipway/manifest';
import type { LayerDescriptor } from './image-plan.ts';
import type { Manifest } from './plan.ts';
import type { PushFormat } from './push.ts';

/** Whose media types a manifest speaks. */
export type ManifestFamily = 'docker' | 'oci';

/** The family an image goes out in: the one asked for, else its own; a docker archive's is Docker's. */
export function manifestFamilyOf(image: SourceImage, format: PushFormat): ManifestFamily {
  if (format !== 'keep') return format;
  return image.manifest !== undefined && !isDocker(image.manifest.mediaType) ? 'oci' : 'docker';
}

/** One layer of a manifest to build, with the compression its bytes have. */
export interface AssembledLayer {
  readonly layer: LayerDescriptor;
  readonly compression: Compression;
}

/** Builds the manifest of an image whose layers have their final bytes. */
export function assembleManifest(
  family: ManifestFamily,
  image: SourceImage,
  layers: readonly AssembledLayer[],
): Manifest {
  const given = image.manifest && parseManifest(image.manifest.bytes, image.manifest.mediaType);
  const extras = given?.kind === 'oci-manifest' ? given : undefined;
  const descriptors = layers.map(({ layer, compression }, at): Descriptor => {
    if ('foreign' in layer) return layer.foreign;
    const annotations = extras?.layers[at]?.annotations;
    return {
      mediaType: layerMediaType(family, compression),
      digest: layer.digest,
      size: layer.size,
      ...(annotations && { annotations }),
    };
  });
  const config: Descriptor = {
    mediaType: family === 'docker' ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    digest: image.config.digest,
    size: image.config.bytes.byteLength,
  };
  if (family === 'docker') return buildDockerManifest({ config, layers: descriptors });
  return buildOciManifest({
    config,
    layers: descriptors,
    ...(extras?.annotations && { annotations: extras.annotations }),
    ...(extras?.subject && { subject: extras.subject }),
  });
}

/** Builds an index again after its children changed; platforms and annotations stay. */
export function assembleIndex(format: PushFormat, index: SourceIndex, children: readonly Manifest[]): Manifest {
  const manifests = index.children.map(({ descriptor }, at): Descriptor => {
    const child = children[at];
    if (child === undefined) throw new Error('unreachable: every child has a manifest');
    return { ...descriptor, mediaType: child.mediaType, digest: child.digest, size: child.bytes.byteLength };
  });
  const docker = format === 'docker' || (format === 'keep' && isDocker(index.manifest.mediaType));
  if (docker) return buildDockerManifestList({ manifests });
  const given = parseManifest(index.manifest.bytes, index.manifest.mediaType);
  const annotations = given.kind === 'oci-index' ? given.annotations : undefined;
  return buildIndex({ manifests, ...(annotations && { annotations }) });
}

function isDocker(mediaType: string): boolean {
  return mediaType.startsWith('application/vnd.docker.');
}
