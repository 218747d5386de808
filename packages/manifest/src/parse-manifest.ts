import { aFunction, aNumber, aString, assertArgument, assertOptions, someBytes } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import { type Descriptor, type ReadDescriptorOptions, readDescriptor, type SizeOf } from './descriptor.ts';
import { InvalidManifestError } from './errors.ts';
import {
  asFields,
  describe,
  type Fields,
  fail,
  has,
  memberOf,
  namesOf,
  readDigest,
  readDocument,
  readList,
  readObject,
  readObjects,
  readOptionalObject,
  readOptionalString,
  readOptionalStringMap,
  readString,
  refuseOtherSpellings,
} from './fields.ts';
import { mediaTypes } from './media-types.ts';
import { secondReadingOf } from './second-reading.ts';

/** What every parsed document has. */
interface ParsedDocument {
  /** The document's type, as its body or, failing that, its `Content-Type` says. */
  readonly mediaType: string;
  /** The very bytes that were parsed, never to be made anew: they are what the digest is of. Not copied. */
  readonly bytes: Uint8Array;
}

/** An image of Docker's schema 2. */
export interface DockerManifest extends ParsedDocument {
  readonly kind: 'docker-manifest';
  readonly config: Descriptor;
  /** Base first. */
  readonly layers: readonly Descriptor[];
}

/** An OCI image, or an artifact that is written as one. */
export interface OciManifest extends ParsedDocument {
  readonly kind: 'oci-manifest';
  readonly config: Descriptor;
  /** Base first. */
  readonly layers: readonly Descriptor[];
  readonly artifactType: string | undefined;
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** Docker's list of manifests. */
export interface DockerManifestList extends ParsedDocument {
  readonly kind: 'docker-list';
  readonly manifests: readonly Descriptor[];
}

/** An OCI image index. */
export interface OciIndex extends ParsedDocument {
  readonly kind: 'oci-index';
  readonly manifests: readonly Descriptor[];
  readonly artifactType: string | undefined;
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** The artifact manifest that never became part of image-spec 1.1. */
export interface OciArtifactManifest extends ParsedDocument {
  readonly kind: 'oci-artifact-manifest';
  readonly artifactType: string;
  readonly blobs: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** Docker's first manifest. Its signatures are not checked here: do not trust what it says. */
export interface Schema1Manifest extends ParsedDocument {
  readonly kind: 'schema1';
  readonly isSigned: boolean;
  /** Path of the repository, without a domain. */
  readonly name: string;
  readonly tag: string;
  readonly architecture: string;
  /** Digests of the layers, newest first. */
  readonly fsLayers: readonly Digest[];
  /** The `v1Compatibility` texts, one a layer. */
  readonly history: readonly string[];
}

/** Any document a registry may keep under a tag. */
export type ParsedManifest =
  | DockerManifest
  | OciManifest
  | DockerManifestList
  | OciIndex
  | OciArtifactManifest
  | Schema1Manifest;

/** How large a document may be, and what becomes of what it leaves out. */
export interface ParseManifestOptions {
  /** Bytes the document may have. @default 4 MiB */
  readonly maxSize?: number | undefined;
  /** Fills in the sizes that an OCI document leaves out. @default it is refused */
  readonly sizeOf?: SizeOf | undefined;
  /**
   * Told of each entry of an index that cannot be read, and is left out; one without a media type is of a type that
   * says nothing. @default the index is refused
   */
  readonly onBadEntry?: ((error: InvalidManifestError, position: number) => void) | undefined;
}

/**
 * Parses and checks a manifest, an index or a list. `mediaType` is what the registry or the descriptor calls it
 * (`Content-Type`, parameters allowed); it must not contradict the body.
 *
 * A body that could be read in two ways is refused, because two tools might then see two different images: as two kinds
 * of document, with a member in another spelling (`Digest`), with one that an object names twice, or with a size that
 * is a whole number for some (`108.0`).
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`; `path` says where.
 * @throws {ManifestTooLargeError} `ERR_MANIFEST_TOO_LARGE`
 * @see https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m (CVE-2021-41190)
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string | undefined,
  options: ParseManifestOptions = {},
): ParsedManifest {
  assertArgument('bytes', bytes, someBytes);
  if (mediaType !== undefined) assertArgument('mediaType', mediaType, aString);
  assertOptions('options', options, { optional: { maxSize: aNumber, sizeOf: aFunction, onBadEntry: aFunction } });
  const fields = readDocument('manifest', bytes, options.maxSize);
  const second = secondReadingOf(bytes);
  if (second !== undefined) fail(fields, '', second);
  refuseOtherSpellings(fields, documentNames);
  const actual = mediaTypeOf(fields, mediaType);
  refuseForeignMembers(fields, actual);
  return Object.freeze(readAs(actual, fields, bytes, options));
}

type Shape = 'manifest' | 'index' | 'artifact' | 'schema1';

/** The members that hold content, by the shape of document that owns them. */
const contentMembers: Readonly<Record<Shape, readonly string[]>> = {
  manifest: ['config', 'layers'],
  index: ['manifests'],
  artifact: ['blobs'],
  schema1: ['fsLayers'],
};

const documentNames = namesOf([
  ...['schemaVersion', 'mediaType', 'artifactType', 'subject', 'annotations'],
  ...Object.values(contentMembers).flat(),
]);
const schema1Names = namesOf(['name', 'tag', 'architecture', 'history', 'signatures']);
const layerNames = namesOf(['blobSum']);
const historyNames = namesOf(['v1Compatibility']);

const shapes: ReadonlyMap<string, Shape> = new Map([
  [mediaTypes.dockerManifest, 'manifest'],
  [mediaTypes.ociManifest, 'manifest'],
  [mediaTypes.dockerManifestList, 'index'],
  [mediaTypes.ociIndex, 'index'],
  [mediaTypes.ociArtifactManifest, 'artifact'],
  [mediaTypes.schema1Manifest, 'schema1'],
  [mediaTypes.schema1SignedManifest, 'schema1'],
]);

/** Types that say nothing of what a document is. */
const meaningless: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

function mediaTypeOf(fields: Fields, given: string | undefined): string {
  const outside = essentialMediaType(given);
  const inside = essentialMediaType(readOptionalString(fields, 'mediaType'));
  if (inside !== undefined && outside !== undefined && inside !== outside) {
    fail(fields, 'mediaType', `expected ${describe(outside)}, got ${describe(inside)}`);
  }
  const isDocker2 = outside === mediaTypes.dockerManifest || outside === mediaTypes.dockerManifestList;
  if (isDocker2 && inside === undefined) fail(fields, 'mediaType', `expected ${describe(outside)}, got nothing`);
  const mediaType = inside ?? outside ?? guessMediaType(fields);
  if (!shapes.has(mediaType)) fail(fields, 'mediaType', `expected the type of a manifest, got ${describe(mediaType)}`);
  return mediaType;
}

/** A media type in lower case and without parameters; undefined for one that says nothing of what a document is. */
export function essentialMediaType(contentType = ''): string | undefined {
  assertArgument('contentType', contentType, aString);
  const [type = ''] = contentType.split(';', 1);
  const mediaType = type.trim().toLowerCase();
  return meaningless.has(mediaType) ? undefined : mediaType;
}

/** OCI documents may leave their type out; schema 1 never had one. */
function guessMediaType(fields: Fields): string {
  if (memberOf(fields, 'schemaVersion') === 1) {
    return has(fields, 'signatures') ? mediaTypes.schema1SignedManifest : mediaTypes.schema1Manifest;
  }
  if (has(fields, 'manifests')) return mediaTypes.ociIndex;
  if (has(fields, 'config') || has(fields, 'layers')) return mediaTypes.ociManifest;
  return fail(fields, 'mediaType', 'expected a media type, got nothing');
}

function refuseForeignMembers(fields: Fields, mediaType: string): void {
  const shape = shapes.get(mediaType);
  for (const [owner, members] of Object.entries(contentMembers)) {
    const foreign = owner === shape ? undefined : members.find((member) => has(fields, member));
    if (foreign !== undefined) fail(fields, foreign, `ambiguous document: a ${mediaType} has no such member`);
  }
}

function readAs(mediaType: string, fields: Fields, bytes: Uint8Array, options: ParseManifestOptions): ParsedManifest {
  const version = shapes.get(mediaType) === 'schema1' ? 1 : 2;
  // The artifact manifest alone has no schemaVersion.
  if (mediaType !== mediaTypes.ociArtifactManifest && memberOf(fields, 'schemaVersion') !== version) {
    fail(fields, 'schemaVersion', `expected ${version}, got ${describe(memberOf(fields, 'schemaVersion'))}`);
  }
  const docker: Reading = { ...options, dialect: 'docker' };
  const oci: Reading = { ...options, dialect: 'oci' };
  switch (mediaType) {
    case mediaTypes.dockerManifest:
      return { kind: 'docker-manifest', mediaType, bytes, ...readImage(fields, docker) };
    case mediaTypes.ociManifest:
      return { kind: 'oci-manifest', mediaType, bytes, ...readImage(fields, oci), ...readExtras(fields, oci) };
    case mediaTypes.dockerManifestList:
      return { kind: 'docker-list', mediaType, bytes, manifests: readEntries(fields, docker) };
    case mediaTypes.ociIndex: {
      const manifests = readEntries(fields, oci);
      return { kind: 'oci-index', mediaType, bytes, manifests, ...readExtras(fields, oci) };
    }
    case mediaTypes.ociArtifactManifest: {
      const blobs = readDescriptors(fields, 'blobs', oci);
      const artifactType = readString(fields, 'artifactType');
      return { kind: 'oci-artifact-manifest', mediaType, bytes, blobs, ...readExtras(fields, oci), artifactType };
    }
    default:
      return readSchema1(mediaType, fields, bytes);
  }
}

/** How the descriptors of a document are read. */
type Reading = ReadDescriptorOptions & Pick<ParseManifestOptions, 'onBadEntry'>;

function readImage(fields: Fields, reading: Reading): Pick<DockerManifest, 'config' | 'layers'> {
  return {
    config: readDescriptor(readObject(fields, 'config'), reading),
    layers: readDescriptors(fields, 'layers', reading),
  };
}

function readExtras(fields: Fields, reading: Reading): Pick<OciManifest, 'artifactType' | 'subject' | 'annotations'> {
  const subject = readOptionalObject(fields, 'subject');
  return {
    artifactType: readOptionalString(fields, 'artifactType'),
    subject: subject && readDescriptor(subject, reading),
    annotations: readOptionalStringMap(fields, 'annotations'),
  };
}

function readDescriptors(fields: Fields, key: string, reading: Reading): readonly Descriptor[] {
  return Object.freeze(readObjects(fields, key).map((entry) => readDescriptor(entry, reading)));
}

/** The entries of an index, each by itself where the reader does not mind a bad one. */
function readEntries(fields: Fields, reading: Reading): readonly Descriptor[] {
  const { onBadEntry } = reading;
  if (onBadEntry === undefined) return readDescriptors(fields, 'manifests', reading);
  const entries = readList(fields, 'manifests').flatMap((value, position): readonly Descriptor[] => {
    try {
      return [readDescriptor(asFields(fields, `manifests[${position}]`, value), { ...reading, mayLackType: true })];
    } catch (error) {
      if (!(error instanceof InvalidManifestError)) throw error;
      onBadEntry(error, position);
      return [];
    }
  });
  return Object.freeze(entries);
}

function readSchema1(mediaType: string, fields: Fields, bytes: Uint8Array): Schema1Manifest {
  refuseOtherSpellings(fields, schema1Names);
  const fsLayers = readObjects(fields, 'fsLayers').map((entry) => {
    refuseOtherSpellings(entry, layerNames);
    return readDigest(entry, 'blobSum');
  });
  const history = readObjects(fields, 'history').map((entry) => {
    refuseOtherSpellings(entry, historyNames);
    return readString(entry, 'v1Compatibility');
  });
  if (fsLayers.length === 0) throw new InvalidManifestError('manifest', '', 'no FSLayers in manifest');
  if (fsLayers.length !== history.length) {
    throw new InvalidManifestError('manifest', '', 'length of history not equal to number of layers');
  }
  return {
    kind: 'schema1',
    mediaType,
    bytes,
    isSigned: has(fields, 'signatures'),
    name: readString(fields, 'name'),
    tag: readString(fields, 'tag'),
    architecture: readOptionalString(fields, 'architecture') ?? '',
    fsLayers: Object.freeze(fsLayers),
    history: Object.freeze(history),
  };
}
