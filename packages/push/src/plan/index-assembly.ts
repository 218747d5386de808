import type { Digest } from '@slipway/digest';
import type { SourceIndex } from '@slipway/image-source';
import {
  buildDockerManifestList,
  buildIndex,
  compressionOfMediaType,
  type Descriptor,
  isAttestation,
  mediaTypes,
  type OciIndex,
  type Platform,
  rereadManifest,
} from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { PushFormat } from '../push.ts';
import type { ItemPlan, Manifest, PlanContext } from './plan-types.ts';

/** Tells podman which of two images for one platform has zstd layers; it takes that one, where it knows zstd. */
export const zstdAnnotation = 'io.github.containers.compression.zstd';

/** Names, in the entry of a BuildKit attestation, the manifest that it is about. */
const referenceDigest = 'vnd.docker.reference.digest';

export type IndexEntry = SourceIndex['children'][number];

/** The entries of an index that its new form can have: Docker's list knows images only, and no lists within lists. */
export function indexEntries(
  index: SourceIndex,
  { format, warn }: Pick<PlanContext, 'format' | 'warn'>,
): readonly IndexEntry[] {
  if (format !== 'docker') return index.children;
  const attestations = index.children.filter(({ descriptor }) => isAttestation(descriptor));
  const others = index.children.filter(({ descriptor }) => !isAttestation(descriptor));
  if (attestations.length > 0) {
    warn({
      code: 'attestations-dropped',
      message: `${attestations.length} attestations are left out: a Docker manifest list describes images only`,
    });
  }
  return others.flatMap((entry) => (entry.item.kind === 'index' ? indexEntries(entry.item, { format, warn }) : entry));
}

/** The manifest that another one is about. */
export function subjectIn(manifest: Manifest | undefined): Digest | undefined {
  const parsed = manifest && rereadManifest(manifest);
  return parsed !== undefined && 'subject' in parsed ? parsed.subject?.digest : undefined;
}

/** Tells when attestations stay while the images they are about change. */
export function warnOfAttestations(
  entries: readonly IndexEntry[],
  plans: readonly ItemPlan[],
  { warn }: PlanContext,
): void {
  const changed = new Set(
    entries.flatMap(({ descriptor }, at) => (plans[at]?.verbatim === undefined ? descriptor.digest : [])),
  );
  const stale = entries.filter(({ descriptor, item }) => {
    const about = descriptor.annotations?.[referenceDigest] ?? subjectIn(item.manifest);
    return about !== undefined && changed.has(about as Digest);
  });
  if (stale.length === 0) return;
  warn({
    code: 'attestations-stale',
    message:
      `${stale.length} attestations go along, but name in their statements the images as they were before ` +
      'the conversion',
  });
}

/**
 * Builds an index again after its children changed; platforms and annotations stay, and attestations follow their
 * images.
 */
export function assembleIndex(
  format: PushFormat,
  index: Pick<SourceIndex, 'manifest'> | undefined,
  entries: readonly IndexEntry[],
  children: readonly Manifest[],
): Manifest {
  const moved = new Map<string, Manifest>();
  for (const [at, { descriptor }] of entries.entries()) {
    // Of an image in several forms, the first is what its attestations go with.
    const child = children[at];
    if (child !== undefined && !moved.has(descriptor.digest)) moved.set(descriptor.digest, child);
  }
  const manifests = withoutTwins(
    entries.map((entry, at) => {
      const child = children[at];
      if (child === undefined) throw new Error('unreachable: every child has a manifest');
      return entryOf(entry, child, moved);
    }),
  );
  const isDocker = index?.manifest.mediaType === mediaTypes.dockerManifestList;
  if (format === 'docker' || (format === 'keep' && isDocker)) {
    for (const { digest, platform } of manifests) if (platform === undefined) throw withoutPlatform(digest);
    return buildDockerManifestList({ manifests });
  }
  const given = index && rereadManifest(index.manifest);
  const { annotations, artifactType, subject } = given?.kind === 'oci-index' ? given : ({} as Partial<OciIndex>);
  const about = subject && moved.get(subject.digest); // an index may be about one of its own entries
  const named = about && { mediaType: about.mediaType, digest: about.digest, size: about.bytes.byteLength };
  return buildIndex({ manifests, annotations, artifactType, subject: subject && { ...subject, ...named } });
}

/** Entries that a conversion has made the same are one. */
function withoutTwins(entries: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

function entryOf({ descriptor, item }: IndexEntry, child: Manifest, moved: ReadonlyMap<string, Manifest>): Descriptor {
  const { digest, mediaType, bytes } = child;
  const platform: Platform | undefined = descriptor.platform ?? (item.kind === 'image' ? item.platform : undefined);
  const about = moved.get(descriptor.annotations?.[referenceDigest] ?? '')?.digest;
  const { [zstdAnnotation]: zstd, ...others } = descriptor.annotations ?? {};
  const annotations = {
    ...others,
    ...(zstd !== undefined && hasZstdLayers(child) && { [zstdAnnotation]: zstd }),
    ...(about !== undefined && { [referenceDigest]: about }),
  };
  const { data, annotations: _, ...rest } = descriptor;
  return {
    ...rest,
    ...(digest === descriptor.digest && data !== undefined && { data }), // the embedded copy is of the old bytes
    ...(platform && { platform }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    mediaType,
    digest,
    size: bytes.byteLength,
  };
}

/** A conversion may have left an entry without what it is known for. */
function hasZstdLayers({ bytes, mediaType }: Manifest): boolean {
  const parsed = rereadManifest({ bytes, mediaType });
  const layers = parsed.kind === 'oci-manifest' || parsed.kind === 'docker-manifest' ? parsed.layers : [];
  return layers.some((layer) => compressionOfMediaType(layer.mediaType) === 'zstd');
}

function withoutPlatform(digest: Digest): PushError {
  return new PushError('ERR_PUSH_FORMAT', `Could not build the manifest list: ${digest} has no platform`, {
    op: 'build manifest',
    origin: 'request',
    descriptor: { digest },
    hint: 'choose `format: oci`, or one platform with `platform`',
  });
}
