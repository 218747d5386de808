import { aBoolean, anObject, aPlainObject, aString, assertOptions, listOf } from '@slipway/arguments';
import { type Digest, digestBytes } from '@slipway/digest';
import { type Descriptor, readDescriptor } from './descriptor.ts';
import { InvalidManifestError } from './errors.ts';
import { readOptionalStringMap } from './fields.ts';
import { encodeGoJSON, type GoJSONOptions, sortedMap } from './go-json.ts';
import { mediaTypes } from './media-types.ts';
import type { Platform } from './platform.ts';

/** A document that was encoded once. Send these bytes; digest and size are theirs. */
export interface EncodedManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** Bytes of the document. */
  readonly size: number;
}

/** What a Docker manifest (schema 2) names. */
export interface DockerManifestOptions {
  readonly config: Descriptor;
  /** Base first; a layer that occurs twice is listed twice. */
  readonly layers: readonly Descriptor[];
}

/** What an OCI manifest names. */
export interface OciManifestOptions {
  readonly config: Descriptor;
  /** Base first; a layer that occurs twice is listed twice. */
  readonly layers: readonly Descriptor[];
  /** What an artifact is; required by the specification when the config is empty. */
  readonly artifactType?: string | undefined;
  /** The manifest that this one is about. */
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * Without spaces and line breaks, as OCI's own tools write it.
   * @default false: indented by three spaces, as Docker does
   */
  readonly compact?: boolean | undefined;
}

/** What an OCI index names. */
export interface IndexOptions {
  readonly manifests: readonly Descriptor[];
  readonly artifactType?: string | undefined;
  /** The manifest that this index is about. */
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What a Docker manifest list names. */
export interface DockerManifestListOptions {
  /** Each with its platform: a list without is refused. */
  readonly manifests: readonly Descriptor[];
}

/**
 * Builds Docker's image manifest (schema 2) to the byte as docker push does: three spaces of indent, no final newline,
 * members that are empty left out, a size of 0 among them.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` for a descriptor without a valid digest or size.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/schema2/manifest.go#L64-L105
 */
export function buildDockerManifest(options: DockerManifestOptions): EncodedManifest {
  assertOptions('options', options, { required: { config: anObject, layers: listOf(anObject) } });
  const { config, layers } = options;
  return encodeManifest(mediaTypes.dockerManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: dockerDescriptor(config, 'config'),
    layers: layers.map((layer, index) => dockerDescriptor(layer, `layers[${index}]`)),
  });
}

/**
 * Builds Docker's list of manifests, one a platform.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` for a descriptor without a valid digest or size, or without a
 * platform.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/manifestlist/manifestlist.go#L86-L119
 */
export function buildDockerManifestList(options: DockerManifestListOptions): EncodedManifest {
  assertOptions('options', options, { required: { manifests: listOf(anObject) } });
  const { manifests } = options;
  return encodeManifest(mediaTypes.dockerManifestList, {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifestList,
    manifests: manifests.map((manifest, index) => {
      const path = `manifests[${index}]`;
      if (manifest.platform === undefined) refuse(`${path}.platform`, 'expected a platform, got nothing');
      return dockerDescriptor(manifest, path);
    }),
  });
}

/**
 * Builds an OCI image manifest, its members in the order of OCI's own tools, indented by three spaces as Docker does
 * unless it is to be compact.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` for a descriptor without a valid digest or size.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/specs-go/v1/manifest.go#L20-L41
 */
export function buildOciManifest(options: OciManifestOptions): EncodedManifest {
  assertOptions('options', options, {
    required: { config: anObject, layers: listOf(anObject) },
    optional: { subject: anObject, annotations: aPlainObject, artifactType: aString, compact: aBoolean },
  });
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: options.artifactType || undefined,
    config: ociDescriptor(options.config, 'config'),
    layers: options.layers.map((layer, index) => ociDescriptor(layer, `layers[${index}]`)),
    subject: options.subject && ociDescriptor(options.subject, 'subject'),
    annotations: ownAnnotations(options),
  };
  return encodeManifest(mediaTypes.ociManifest, document, options.compact === true ? {} : dockersLayout);
}

/**
 * Builds an OCI image index, its members in the order of OCI's own tools, indented by three spaces as Docker does.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` for a descriptor without a valid digest or size.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/specs-go/v1/index.go#L19-L38
 */
export function buildIndex(options: IndexOptions): EncodedManifest {
  assertOptions('options', options, {
    required: { manifests: listOf(anObject) },
    optional: { subject: anObject, annotations: aPlainObject, artifactType: aString },
  });
  return encodeManifest(mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    artifactType: options.artifactType || undefined,
    manifests: options.manifests.map((manifest, index) => ociDescriptor(manifest, `manifests[${index}]`)),
    subject: options.subject && ociDescriptor(options.subject, 'subject'),
    annotations: ownAnnotations(options),
  });
}

const dockersLayout: GoJSONOptions = Object.freeze({ indent: '   ' });

function encodeManifest(mediaType: string, document: object, layout: GoJSONOptions = dockersLayout): EncodedManifest {
  const bytes = new TextEncoder().encode(encodeGoJSON(document, layout));
  return Object.freeze({ mediaType, bytes, digest: digestBytes(bytes), size: bytes.byteLength });
}

function dockerDescriptor(given: Descriptor, path: string): object {
  const descriptor = checked(given, path, 'docker');
  return {
    mediaType: descriptor.mediaType,
    size: descriptor.size || undefined,
    digest: descriptor.digest,
    urls: urlsOf(descriptor),
    annotations: annotationsOf(descriptor),
    platform: platformOf(descriptor),
  };
}

function ociDescriptor(given: Descriptor, path: string): object {
  const descriptor = checked(given, path, 'oci');
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    urls: urlsOf(descriptor),
    annotations: annotationsOf(descriptor),
    data: descriptor.data || undefined,
    platform: platformOf(descriptor),
    artifactType: descriptor.artifactType || undefined,
  };
}

/**
 * JavaScript callers have no compiler, and what is wrong here could never be pulled: what is built can be read by this
 * package's own parser.
 */
function checked(given: Descriptor, path: string, dialect: 'docker' | 'oci'): Descriptor {
  const { mediaType, size } = given;
  if (!mediaType) refuse(`${path}.mediaType`, 'expected a media type, got nothing');
  if (size === undefined) refuse(`${path}.size`, 'expected a number of bytes, got nothing');
  return readDescriptor({ document: 'manifest', path, values: { ...given } }, { dialect });
}

/** The annotations of the document itself. */
function ownAnnotations(options: Pick<Descriptor, 'annotations'>): ReadonlyMap<string, string> | undefined {
  const annotations = readOptionalStringMap({ document: 'manifest', path: '', values: { ...options } }, 'annotations');
  return annotationsOf({ annotations });
}

function refuse(path: string, problem: string): never {
  throw new InvalidManifestError('manifest', path, problem);
}

function urlsOf({ urls }: Descriptor): readonly string[] | undefined {
  return urls?.length ? urls : undefined;
}

function annotationsOf({ annotations }: Pick<Descriptor, 'annotations'>): ReadonlyMap<string, string> | undefined {
  return annotations && Object.keys(annotations).length > 0 ? sortedMap(annotations) : undefined;
}

function platformOf({ platform }: Descriptor): Platform | undefined {
  if (platform === undefined) return undefined;
  return {
    architecture: platform.architecture,
    os: platform.os,
    'os.version': platform['os.version'] || undefined,
    'os.features': platform['os.features']?.length ? platform['os.features'] : undefined,
    variant: platform.variant || undefined,
  };
}
