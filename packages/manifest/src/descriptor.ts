import { anObject, assertArgument } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import {
  type Fields,
  fail,
  has,
  namesOf,
  readDigest,
  readOptionalObject,
  readOptionalString,
  readOptionalStringMap,
  readOptionalStrings,
  readSize,
  readString,
  refuseOtherSpellings,
} from './fields.ts';
import { mediaTypes } from './media-types.ts';
import { type Platform, platformMembers, readPlatform } from './platform.ts';

/**
 * What a document says of content that lies elsewhere: its type, digest and size.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#properties
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as it is stored, that is compressed. */
  readonly size: number;
  /** Where a foreign layer may be fetched from. */
  readonly urls?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The content itself, in base64. */
  readonly data?: string | undefined;
  /** In an index: what the manifest runs on. */
  readonly platform?: Platform | undefined;
  /** In an index: the `artifactType` of the manifest, or its config's media type. */
  readonly artifactType?: string | undefined;
}

/**
 * Describes the two bytes `{}`: what stands for a config, or for the one layer a manifest must have, where there is
 * none.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidance-for-an-empty-descriptor
 */
export const emptyDescriptor: Descriptor = Object.freeze({
  mediaType: mediaTypes.ociEmpty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' as Digest,
  size: 2,
  data: 'e30=',
});

/**
 * Whether a layer is kept elsewhere: it says at which URL, and a push leaves its bytes out unless told otherwise. Who
 * names no URL, only an empty text, says nothing.
 */
export function isForeign(descriptor: Pick<Descriptor, 'urls'>): boolean {
  assertArgument('descriptor', descriptor, anObject);
  const { urls } = descriptor;
  return urls?.some((url) => URL.canParse(url)) ?? false;
}

/** Whether an index entry is a BuildKit attestation: metadata about another entry, nothing to run. */
export function isAttestation(descriptor: Descriptor): boolean {
  assertArgument('descriptor', descriptor, anObject);
  const { annotations } = descriptor;
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** Tells the size of a blob whose descriptor leaves it out; undefined where that is not known. */
export type SizeOf = (digest: Digest) => number | undefined;

export interface ReadDescriptorOptions {
  readonly dialect: 'docker' | 'oci';
  readonly sizeOf?: SizeOf | undefined;
  /** Whether a missing media type is one that says nothing of the content. @default false: it is refused */
  readonly mayLackType?: boolean | undefined;
}

const descriptorNames = namesOf([
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'platform',
  'artifactType',
]);
const platformNames = namesOf(platformMembers);

/**
 * Reads and checks a descriptor. Members that are absent are left out, so that what is read equals what was built.
 * Docker's documents leave a size of 0 out too, which is Go's `omitempty`; OCI's must say it, unless the reader knows
 * it.
 */
export function readDescriptor(fields: Fields, { dialect, sizeOf, mayLackType }: ReadDescriptorOptions): Descriptor {
  refuseOtherSpellings(fields, descriptorNames);
  const isUntyped = mayLackType === true && !has(fields, 'mediaType');
  const mediaType = isUntyped ? 'application/octet-stream' : readString(fields, 'mediaType');
  if (mediaType === '') fail(fields, 'mediaType', 'expected a media type, got an empty text');
  const platform = readOptionalObject(fields, 'platform');
  if (platform !== undefined) refuseOtherSpellings(platform, platformNames);
  const digest = readDigest(fields, 'digest');
  const known = has(fields, 'size') ? undefined : (sizeOf?.(digest) ?? (dialect === 'docker' ? 0 : undefined));
  const descriptor: Descriptor = {
    mediaType,
    digest,
    size: known ?? readSize(fields, 'size'),
    urls: readOptionalStrings(fields, 'urls'),
    annotations: readOptionalStringMap(fields, 'annotations'),
    data: readOptionalString(fields, 'data'),
    platform: platform && readPlatform(platform),
    artifactType: readOptionalString(fields, 'artifactType'),
  };
  return Object.freeze(withoutUndefined(descriptor));
}

function withoutUndefined(descriptor: Descriptor): Descriptor {
  return Object.fromEntries(
    Object.entries(descriptor).filter(([, value]) => value !== undefined),
  ) as object as Descriptor;
}
