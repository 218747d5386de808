import { type AbortOptions, type Compression, type Digest, digestBytes, parseDigest } from '@slipway/digest';
import { type Descriptor, isForeign, layerMediaType, mediaTypes, platformOfConfig } from '@slipway/manifest';
import { familiarString, parseReference, type Reference } from '@slipway/reference';
import {
  assertNotEmptied,
  descriptorOf,
  imageConfigOf,
  inAnyCase,
  type JsonObject,
  objectOf,
  parseJson,
  stringsOf,
  textOf,
} from '../documents.ts';
import { invalidSource } from '../errors.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { labelOf, readMember } from '../files/stored-content.ts';
import type { SourceImage, SourceLayer, SourceNotice } from '../image-source.ts';
import { Allowance, type ResolvedSourceLimits } from '../options.ts';
import { selectImage } from '../select-image.ts';
import type { ItemSelector } from '../source-text.ts';
import type { UnpackedLayers } from './unpacked-layers.ts';

/** Name of the list of images in a docker archive. */
export const dockerManifestName = 'manifest.json';

export interface DockerArchiveOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Unpacks layers of a compression that registries do not take. */
  readonly unpacked: UnpackedLayers;
  /** @default every image of the archive */
  readonly select?: ItemSelector | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
}

/**
 * The images of a `docker save` archive, old layout (`ID/layer.tar`) and new (`blobs/sha256/…`), one per entry of
 * `manifest.json`. Names that cannot be read are told and left out: they are no condition of a push to a place that has
 * its own.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID`, in docker's own words where docker refuses too; `ERR_SOURCE_NOT_FOUND`
 * when `select` fits none.
 * @see https://github.com/moby/moby/blob/v25.0.0/image/tarexport/load.go
 */
export async function readDockerArchive(
  files: SourceFiles,
  options: DockerArchiveOptions,
): Promise<readonly SourceImage[]> {
  const { limits, select, signal, unpacked, onNotice = () => {} } = options;
  const bytes = await readMember(files, dockerManifestName, limits.maxListBytes, { signal });
  const label = labelOf(files, dockerManifestName);
  const list = parseJson(bytes, label);
  if (list === null) throw invalidSource(`${label}: invalid manifest, manifest cannot be null (but can be [])`);
  if (!Array.isArray(list)) throw invalidSource(`${label} is not a list`);
  if (list.length > limits.maxManifests) throw invalidSource(`${label} lists more than ${limits.maxManifests} images`);
  const entries = list.map((value, at) => entryOf(objectOf(value, `${label}, image ${at}`), onNotice));
  const archive: Archive = {
    files,
    limits,
    signal,
    allowance: new Allowance(limits),
    configs: new Map(),
    unpacked,
  };
  const idOf = async ({ config }: Entry): Promise<Digest | undefined> =>
    config === undefined ? undefined : await readConfig(archive, config).then(digestBytes, () => undefined);
  if (select === undefined) tellNamesakes(entries, files.name, onNotice);
  const images: SourceImage[] = [];
  for (const entry of select ? [await selectImage(entries, select, { archive: files.name, idOf })] : entries) {
    signal?.throwIfAborted();
    images.push(await readImage(archive, entry));
  }
  return images;
}

interface Archive {
  readonly files: SourceFiles;
  readonly limits: ResolvedSourceLimits;
  readonly signal: AbortSignal | undefined;
  readonly allowance: Allowance;
  /** Config bytes by path: a long list may name the same one over and over. */
  readonly configs: Map<string, Uint8Array>;
  readonly unpacked: UnpackedLayers;
}

interface Entry {
  readonly label: string;
  readonly object: JsonObject;
  readonly config: string | undefined;
  readonly references: readonly Reference[];
}

const entryMembers = ['Config', 'RepoTags', 'Layers', 'LayerSources'];

/** Only what finds an image is read of all of them; the rest belongs to the one that is wanted. */
function entryOf(written: JsonObject, onNotice: (notice: SourceNotice) => void): Entry {
  const object = inAnyCase(written, entryMembers);
  const { label, fields } = object;
  const tags = fields['RepoTags'] ?? [];
  const references: Reference[] = [];
  for (const tag of Array.isArray(tags) ? tags : [tags]) {
    const reference = referenceOf(tag);
    if (reference !== undefined) references.push(reference);
    // Docker writes this for an image without a name.
    else if (tag !== '<none>:<none>') {
      const name = typeof tag === 'string' ? tag : JSON.stringify(tag);
      const message = `${label}: ${JSON.stringify(tag)?.slice(0, 200)} is no name of an image, and is left out`;
      onNotice({ code: 'name-unreadable', message, name });
    }
  }
  const { Config } = fields;
  return { label, object, config: typeof Config === 'string' && Config !== '' ? Config : undefined, references };
}

/** Whoever loads all images gives such a name to the last, as docker does. */
function tellNamesakes(entries: readonly Entry[], archive: string, onNotice: (notice: SourceNotice) => void): void {
  const places = new Map<string, Set<number>>();
  for (const [at, { references }] of entries.entries()) {
    for (const name of references.map(familiarString)) places.set(name, (places.get(name) ?? new Set()).add(at));
  }
  for (const [name, found] of places) {
    const isSame = new Set([...found].map((at) => entries[at]?.config)).size === 1;
    if (isSame) continue;
    const positions = [...found].map((at) => `@${at}`).join(', ');
    const message = `${found.size} images of ${JSON.stringify(archive)} are called ${name}: ${positions}`;
    onNotice({ code: 'name-twice', message: `${message}; the last counts` });
  }
}

function referenceOf(tag: unknown): Reference | undefined {
  try {
    const reference = typeof tag === 'string' ? parseReference(tag) : undefined;
    return reference?.tag && !reference.digest ? reference : undefined;
  } catch {
    return undefined;
  }
}

async function readImage(archive: Archive, { label: entryLabel, object, references }: Entry): Promise<SourceImage> {
  const { files, limits, signal } = archive;
  const path = textOf(object, 'Config');
  if (!path) throw invalidSource(`${entryLabel}: Config is missing`);
  const paths = stringsOf(object, 'Layers');
  const label = labelOf(files, path);
  const bytes = await readConfig(archive, path);
  const digest = digestBytes(bytes);
  const named = digestInName(path);
  if (named && named !== digest) throw invalidSource(`${label} is corrupt: its digest is ${digest}`);
  const config = imageConfigOf(bytes, limits.maxDocumentBytes, label);
  if (!config) throw invalidSource(`${label}: invalid image JSON, no RootFS key`);
  const { diff_ids: diffIDs } = config.rootfs;
  if (paths.length !== diffIDs.length) {
    const counts = `expected ${diffIDs.length}, got ${paths.length}`;
    throw invalidSource(`${entryLabel}: invalid manifest, layers length mismatch: ${counts}`);
  }
  const layers: SourceLayer[] = [];
  for (const [at, diffID] of diffIDs.entries()) {
    signal?.throwIfAborted();
    layers.push(await readLayer(archive, paths[at]!, diffID, layerSourceOf(object, diffID)));
  }
  return {
    kind: 'image',
    names: [...new Set(references.map(familiarString))],
    platform: platformOfConfig(config),
    config: { mediaType: mediaTypes.dockerConfig, digest, bytes },
    layers,
    manifest: undefined,
  };
}

async function readConfig({ files, limits, signal, allowance, configs }: Archive, path: string): Promise<Uint8Array> {
  let bytes = configs.get(path);
  if (!bytes) {
    bytes = await readMember(files, path, limits.maxDocumentBytes, { signal });
    allowance.take(bytes.byteLength, files.name);
    configs.set(path, bytes);
  }
  return bytes;
}

/** What `LayerSources` says of a layer: where a foreign one is kept, and what it is called there. */
function layerSourceOf(object: JsonObject, diffID: Digest): Descriptor | undefined {
  const { label, fields } = object;
  const { LayerSources } = fields;
  if (typeof LayerSources !== 'object' || LayerSources === null) return undefined;
  const value = (LayerSources as Readonly<Record<string, unknown>>)[diffID];
  return value === undefined ? undefined : descriptorOf(value, `${label}: LayerSources, ${JSON.stringify(diffID)}`);
}

async function readLayer(
  { files, unpacked }: Archive,
  path: string,
  diffID: Digest,
  descriptor: Descriptor | undefined,
): Promise<SourceLayer> {
  const label = labelOf(files, path);
  const file = await files.find(path);
  if (!file) {
    if (descriptor !== undefined && isForeign(descriptor))
      return { diffID, content: undefined, compression: 'none', descriptor };
    throw invalidSource(`${label}, the layer ${diffID}, is missing`);
  }
  const { content, compression, isUnpacked } = await unpacked.open(file, `${path} in ${files.name}`);
  assertNotEmptied(content, diffID, label);
  const named = isUnpacked ? undefined : digestInName(path);
  return {
    diffID,
    content,
    compression,
    descriptor: descriptor ?? (named && namedBlob(named, content.size, compression)),
  };
}

/** A blob whose name is its digest is as good as described. */
function namedBlob(digest: Digest, size: number, compression: Compression): Descriptor {
  return { mediaType: layerMediaType('docker', compression), digest, size };
}

function digestInName(path: string): Digest | undefined {
  const [, encoded] = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return encoded === undefined ? undefined : parseDigest(`sha256:${encoded}`);
}
