import { type AbortOptions, type Digest, decompress, digestBytes, digestStream, parseDigest } from '@slipway/digest';
import { mediaTypes, platformOfConfig } from '@slipway/manifest';
import { configFromV1 } from '@slipway/manifest/schema1';
import { familiarString, parseReference, type Reference } from '@slipway/reference';
import { imageConfigOf, objectOf, parseJson, textOf } from '../documents.ts';
import { invalidSource } from '../errors.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { labelOf, readMember } from '../files/stored-content.ts';
import type { SourceImage, SourceLayer, SourceNotice, SourceV1Image } from '../image-source.ts';
import { Allowance, type ResolvedSourceLimits } from '../options.ts';
import { selectImage } from '../select-image.ts';
import type { ItemSelector } from '../source-text.ts';
import { type LegacyImage, legacyHeads } from './legacy-images.ts';
import type { UnpackedLayers } from './unpacked-layers.ts';

const repositoriesName = 'repositories';

export interface LegacyArchiveOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Unpacks layers of a compression that registries do not take. */
  readonly unpacked: UnpackedLayers;
  /** @default every image of the archive */
  readonly select?: ItemSelector | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
}

/**
 * The images of a `docker save` archive of before Docker 1.10: a folder an image with `json` and `layer.tar`, each
 * naming its parent. Every layer is read once, for its diffID; the modern config is made as `docker load` makes it, and
 * the chain is kept.
 *
 * @param names of all members, in the order of the archive
 * @throws {SourceError} `ERR_SOURCE_INVALID`; `ERR_SOURCE_NOT_FOUND` when `select` fits none.
 * @see https://github.com/moby/moby/blob/v25.0.0/image/tarexport/load.go#L302-L418
 */
export async function readLegacyArchive(
  files: SourceFiles,
  names: Iterable<string>,
  options: LegacyArchiveOptions,
): Promise<readonly SourceImage[]> {
  const { limits, select, signal, unpacked, onNotice = () => {} } = options;
  const archive: Archive = {
    files,
    limits,
    signal,
    allowance: new Allowance(limits),
    unpacked,
    onNotice,
    links: new Map(),
    layers: new Map(),
  };
  const tagged = await readRepositories(archive);
  const images = tagged.length > 0 ? tagged : await readHeads(archive, names);
  if (images.length === 0) throw invalidSource(`${JSON.stringify(files.name)} holds no image`);
  const opened: SourceImage[] = [];
  // Such images have IDs of their own; what they have today is known once all of one is read.
  const idOf = async ({ id }: LegacyImage): Promise<Digest> => parseDigest(`sha256:${id}`);
  for (const image of select ? [await selectImage(images, select, { archive: files.name, idOf })] : images) {
    signal?.throwIfAborted();
    opened.push(await readImage(archive, image));
  }
  return opened;
}

/** Whether a member is the `json` of an image of that time; gives its id. */
function legacyImageID(name: string): string | undefined {
  return /^([0-9a-f]{64})\/json$/.exec(name)?.[1];
}

interface Archive {
  readonly files: SourceFiles;
  readonly limits: ResolvedSourceLimits;
  readonly signal: AbortSignal | undefined;
  readonly allowance: Allowance;
  readonly unpacked: UnpackedLayers;
  readonly onNotice: (notice: SourceNotice) => void;
  /** By id, so that a base that many images share is read once. */
  readonly links: Map<string, Link>;
  readonly layers: Map<string, SourceLayer>;
}

interface Link {
  readonly id: string;
  readonly parent: string | undefined;
  readonly json: Uint8Array;
}

/** The tags by image, in the order of the file. */
async function readRepositories({ files, limits, signal, onNotice }: Archive): Promise<readonly LegacyImage[]> {
  if (!(await files.find(repositoriesName))) return [];
  const label = labelOf(files, repositoriesName);
  const bytes = await readMember(files, repositoriesName, limits.maxListBytes, { signal });
  const { fields } = objectOf(parseJson(bytes, label), label);
  const byID = new Map<string, Reference[]>();
  for (const [name, tags] of Object.entries(fields)) {
    const object = objectOf(tags, `${label}, ${JSON.stringify(name)}`);
    for (const tag of Object.keys(object.fields)) {
      const id = textOf(object, tag);
      if (id === undefined || legacyImageID(`${id}/json`) === undefined) {
        throw invalidSource(`${object.label}: ${JSON.stringify(tag)} names no image ID`);
      }
      const reference = referenceOf(`${name}:${tag}`);
      if (reference === undefined) {
        const quoted = JSON.stringify(`${name}:${tag}`).slice(0, 200);
        const message = `${label}: ${quoted} is no name of an image, and is left out`;
        onNotice({ code: 'name-unreadable', message, name: `${name}:${tag}` });
      }
      byID.set(id, [...(byID.get(id) ?? []), ...(reference ? [reference] : [])]);
    }
  }
  if (byID.size > limits.maxManifests) throw invalidSource(`${label} lists more than ${limits.maxManifests} images`);
  return [...byID].map(([id, references]) => ({ id, references }));
}

/** Saved by ID, an archive has no names: the images are those that are nobody's parent. */
async function readHeads(archive: Archive, names: Iterable<string>): Promise<readonly LegacyImage[]> {
  const links: Link[] = [];
  for (const name of names) {
    const id = legacyImageID(name);
    if (id !== undefined) links.push(await readLink(archive, id));
  }
  return legacyHeads(links);
}

function referenceOf(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

async function readImage(archive: Archive, { id, references }: LegacyImage): Promise<SourceImage> {
  const { files, limits, signal } = archive;
  const chain: SourceV1Image[] = [];
  for (let next: string | undefined = id; next !== undefined; ) {
    signal?.throwIfAborted();
    if (chain.length > limits.maxManifests || chain.some((image) => image.id === next)) {
      throw invalidSource(`${labelOf(files, `${id}/json`)}: its parents lead in a circle`);
    }
    const link = await readLink(archive, next);
    chain.unshift({ ...link, layer: await readLayer(archive, next) });
    next = link.parent;
  }
  const label = labelOf(files, `${id}/json`);
  const bytes = configOf(chain, label);
  const config = imageConfigOf(bytes, limits.maxDocumentBytes, label);
  if (config === undefined) throw new Error('unreachable: the config was made with a rootfs');
  return {
    kind: 'image',
    names: [...new Set(references.map(familiarString))],
    platform: platformOfConfig(config),
    config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(bytes), bytes },
    layers: chain.map(({ layer }) => layer),
    manifest: undefined,
    chain,
  };
}

function configOf(chain: readonly SourceV1Image[], label: string): Uint8Array {
  try {
    return configFromV1({ chain: chain.map(({ json }) => json), diffIDs: chain.map(({ layer }) => layer.diffID) });
  } catch (cause) {
    throw invalidSource(`${label}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

async function readLink({ files, limits, signal, allowance, links }: Archive, id: string): Promise<Link> {
  const known = links.get(id);
  if (known !== undefined) return known;
  const path = `${id}/json`;
  const label = labelOf(files, path);
  const json = await readMember(files, path, limits.maxDocumentBytes, { signal });
  allowance.take(json.byteLength, files.name);
  const object = objectOf(parseJson(json, label), label);
  if (textOf(object, 'id') !== id) throw invalidSource(`${label}: its id is not that of its folder`);
  const parent = textOf(object, 'parent');
  if (parent !== undefined && legacyImageID(`${parent}/json`) === undefined) {
    throw invalidSource(`${label}: its parent ${JSON.stringify(parent)} is no image ID`);
  }
  const link = { id, parent, json };
  links.set(id, link);
  return link;
}

async function readLayer({ files, layers, unpacked, signal }: Archive, id: string): Promise<SourceLayer> {
  const known = layers.get(id);
  if (known !== undefined) return known;
  const path = `${id}/layer.tar`;
  const label = labelOf(files, path);
  const file = await files.find(path);
  if (!file) throw invalidSource(`${label} is missing`);
  const { content, compression } = await unpacked.open(file, `${path} in ${files.name}`);
  const plain = decompress(content.open({ signal }), compression, { signal });
  const { digest: diffID }: { digest: Digest } = await digestStream(plain, { signal });
  const layer = { diffID, content, compression, descriptor: undefined };
  layers.set(id, layer);
  return layer;
}
