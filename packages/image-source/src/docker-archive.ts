import { type AbortOptions, type Content, type Digest, digestBytes, parseDigest } from '@slipway/digest';
import { type Descriptor, mediaTypes, platformOfConfig } from '@slipway/manifest';
import { familiarString, parseReference, type Reference } from '@slipway/reference';
import { descriptorOf, imageConfigOf, type JsonObject, objectOf, parseJson, stringsOf, textOf } from './documents.ts';
import { invalidSource } from './errors.ts';
import type { SourceImage, SourceLayer } from './image-source.ts';
import { Allowance, type ResolvedSourceLimits } from './options.ts';
import { selectImage } from './select-image.ts';
import type { SourceFiles } from './source-files.ts';
import type { DockerArchiveSelector } from './source-text.ts';
import { compressionOf, labelOf, provenContent, readMember } from './stored-content.ts';

/** Name of the list of images in a docker archive. */
export const dockerManifestName = 'manifest.json';

export interface DockerArchiveOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** @default every image of the archive */
  readonly select?: DockerArchiveSelector | undefined;
}

/**
 * The images of a `docker save` archive, old layout (`ID/layer.tar`) and new (`blobs/sha256/…`), one per entry of `manifest.json`.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID`, in docker's own words where docker refuses too; `ERR_SOURCE_NOT_FOUND` when `select` fits none.
 * @see https://github.com/moby/moby/blob/v25.0.0/image/tarexport/load.go
 */
export async function readDockerArchive(
  files: SourceFiles,
  options: DockerArchiveOptions,
): Promise<readonly SourceImage[]> {
  const { limits, select, signal } = options;
  const bytes = await readMember(files, dockerManifestName, limits.maxListBytes, { signal });
  const label = labelOf(files, dockerManifestName);
  const list = parseJson(bytes, label);
  if (list === null) throw invalidSource(`${label}: invalid manifest, manifest cannot be null (but can be [])`);
  if (!Array.isArray(list)) throw invalidSource(`${label} is not a list`);
  if (list.length > limits.maxManifests) throw invalidSource(`${label} lists more than ${limits.maxManifests} images`);
  const entries = list.map((value, at) => entryOf(objectOf(value, `${label}, image ${at}`)));
  const archive: Archive = {
    files,
    limits,
    signal,
    allowance: new Allowance(limits),
    configs: new Map(),
    proven: new Map(),
  };
  const images: SourceImage[] = [];
  for (const entry of select ? [selectImage(entries, select, files.name)] : entries) {
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
  /** One object per blob, so that layers that are the same share their content. */
  readonly proven: Map<Digest, Content>;
}

interface Entry {
  readonly label: string;
  readonly config: string;
  readonly references: readonly Reference[];
  readonly layers: readonly string[];
  /** By diffID. */
  readonly layerSources: ReadonlyMap<string, Descriptor>;
}

function entryOf(object: JsonObject): Entry {
  const { label } = object;
  const config = textOf(object, 'Config');
  if (!config) throw invalidSource(`${label}: Config is missing`);
  const { LayerSources } = object.fields;
  const sources = Object.entries(objectOf(LayerSources ?? {}, `${label}: LayerSources`).fields);
  return {
    label,
    config,
    references: stringsOf(object, 'RepoTags').map((tag) => referenceOf(tag, label)),
    layers: stringsOf(object, 'Layers'),
    layerSources: new Map(
      sources.map(([diffID, value]) => [
        diffID,
        descriptorOf(value, `${label}: LayerSources, ${JSON.stringify(diffID)}`),
      ]),
    ),
  };
}

function referenceOf(tag: string, label: string): Reference {
  let cause: unknown;
  try {
    const reference = parseReference(tag);
    if (reference.tag && !reference.digest) return reference;
  } catch (error) {
    cause = error;
  }
  throw invalidSource(`${label}: invalid tag ${JSON.stringify(tag)}`, { cause });
}

async function readImage(archive: Archive, { label: entryLabel, ...entry }: Entry): Promise<SourceImage> {
  const { files, limits, signal } = archive;
  const label = labelOf(files, entry.config);
  const bytes = await readConfig(archive, entry.config);
  const digest = digestBytes(bytes);
  const named = digestInName(entry.config);
  if (named && named !== digest) throw invalidSource(`${label} is corrupt: its digest is ${digest}`);
  const config = imageConfigOf(bytes, limits.maxDocumentBytes, label);
  if (!config) throw invalidSource(`${label}: invalid image JSON, no RootFS key`);
  const { diff_ids: diffIDs } = config.rootfs;
  if (entry.layers.length !== diffIDs.length) {
    const counts = `expected ${diffIDs.length}, got ${entry.layers.length}`;
    throw invalidSource(`${entryLabel}: invalid manifest, layers length mismatch: ${counts}`);
  }
  if (config.history.filter((step) => !step.empty_layer).length > diffIDs.length) {
    throw invalidSource(`${label}: too many non-empty layers in History section`);
  }
  const layers: SourceLayer[] = [];
  for (const [at, diffID] of diffIDs.entries()) {
    signal?.throwIfAborted();
    layers.push(await readLayer(archive, entry.layers[at]!, diffID, entry.layerSources.get(diffID)));
  }
  return {
    kind: 'image',
    names: [...new Set(entry.references.map(familiarString))],
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

async function readLayer(
  { files, proven }: Archive,
  path: string,
  diffID: Digest,
  descriptor: Descriptor | undefined,
): Promise<SourceLayer> {
  const label = labelOf(files, path);
  const file = await files.find(path);
  if (!file) {
    if (descriptor?.urls?.length) return { diffID, content: undefined, compression: 'none', descriptor };
    throw invalidSource(`${label}, the layer ${diffID}, is missing`);
  }
  const compression = await compressionOf(file, label);
  // A blob whose name is a digest proves itself by it, unless that is the diffID, which every reader of a layer checks anyway.
  const named = digestInName(path);
  if (!named || named === diffID) return { diffID, content: file.content, compression, descriptor };
  const content = proven.get(named) ?? provenContent(file.content, named, label);
  proven.set(named, content);
  return { diffID, content, compression, descriptor };
}

function digestInName(path: string): Digest | undefined {
  const [, encoded] = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return encoded === undefined ? undefined : parseDigest(`sha256:${encoded}`);
}
