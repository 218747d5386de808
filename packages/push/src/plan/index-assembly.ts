import type { Digest } from '@slipway/digest';
import type { SourceIndex } from '@slipway/image-source';
import {
  buildDockerManifestList,
  buildIndex,
  type Descriptor,
  isAttestation,
  mediaTypes,
  type OciIndex,
  type Platform,
  parseManifest,
} from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { PushFormat } from '../push.ts';
import type { ItemPlan, Manifest, PlanContext } from './plan-types.ts';

/** Names, in the entry of a BuildKit attestation, the manifest that it is about. */
const referenceDigest = 'vnd.docker.reference.digest';

type IndexEntry = SourceIndex['children'][number];

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

/** Tells when attestations stay while the images they are about change. */
export function warnOfAttestations(
  entries: readonly IndexEntry[],
  plans: readonly ItemPlan[],
  { warn }: PlanContext,
): void {
  const changed = new Set(
    entries.flatMap(({ descriptor }, at) => (plans[at]?.verbatim === undefined ? descriptor.digest : [])),
  );
  const stale = entries.filter(({ descriptor }) => changed.has(descriptor.annotations?.[referenceDigest] as Digest));
  if (stale.length === 0) return;
  warn({
    code: 'attestations-stale',
    message: `${stale.length} attestations go along, but name in their statements the images as they were before the conversion`,
  });
}

/** Builds an index again after its children changed; platforms and annotations stay, and attestations follow their images. */
export function assembleIndex(
  format: PushFormat,
  index: SourceIndex,
  entries: readonly IndexEntry[],
  children: readonly Manifest[],
): Manifest {
  const moved = new Map<string, Digest>();
  for (const [at, { descriptor }] of entries.entries())
    moved.set(descriptor.digest, children[at]?.digest ?? descriptor.digest);
  const manifests = entries.map((entry, at) => {
    const child = children[at];
    if (child === undefined) throw new Error('unreachable: every child has a manifest');
    return entryOf(entry, child, moved);
  });
  const isDocker = index.manifest.mediaType === mediaTypes.dockerManifestList;
  if (format === 'docker' || (format === 'keep' && isDocker)) {
    for (const { digest, platform } of manifests) if (platform === undefined) throw withoutPlatform(digest);
    return buildDockerManifestList({ manifests });
  }
  const given = parseManifest(index.manifest.bytes, index.manifest.mediaType, { sizeOf: () => 0 });
  const { annotations, artifactType, subject } = given.kind === 'oci-index' ? given : ({} as Partial<OciIndex>);
  return buildIndex({ manifests, annotations, artifactType, subject });
}

function entryOf({ descriptor, item }: IndexEntry, child: Manifest, moved: ReadonlyMap<string, Digest>): Descriptor {
  const { digest, mediaType, bytes } = child;
  const platform: Platform | undefined = descriptor.platform ?? (item.kind === 'image' ? item.platform : undefined);
  const about = moved.get(descriptor.annotations?.[referenceDigest] ?? '');
  const annotations =
    about === undefined ? descriptor.annotations : { ...descriptor.annotations, [referenceDigest]: about };
  const { data, ...rest } = descriptor;
  return {
    ...rest,
    ...(digest === descriptor.digest && data !== undefined && { data }), // the embedded copy is of the old bytes
    ...(platform && { platform }),
    ...(annotations && { annotations }),
    mediaType,
    digest,
    size: bytes.byteLength,
  };
}

function withoutPlatform(digest: Digest): PushError {
  return new PushError('ERR_PUSH_FORMAT', `Could not build the manifest list: ${digest} has no platform`, {
    op: 'build manifest',
    origin: 'request',
    descriptor: { digest },
    hint: 'choose --format oci, or one platform with --platform',
  });
}
