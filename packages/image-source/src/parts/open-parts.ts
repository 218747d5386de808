import { ArgumentError } from '@slipway/arguments';
import { digestBytes } from '@slipway/digest';
import {
  buildDockerManifestList,
  buildIndex,
  type Descriptor,
  type EncodedManifest,
  type HistoryEntry,
  mediaTypes,
  type Platform,
} from '@slipway/manifest';
import { imageConfigOf } from '../documents.ts';
import { invalidSource } from '../errors.ts';
import type { ImageSource, SourceImage, SourceIndex, SourceLayer } from '../image-source.ts';
import { openSource } from '../open-source.ts';
import { type Base, type BaseImage, baseOf } from './base-images.ts';
import { imageConfig } from './image-config.ts';
import type { ImageParts, OpenPartsOptions } from './image-parts.ts';
import type { LayerRecipe, OpenedLayer } from './layer-from.ts';

/** What has been opened so far, and is closed with the image. */
type Held = AsyncDisposable[];

/** Makes an image of its parts. @throws {SourceError} */
export async function openParts(
  parts: ImageParts,
  platforms: readonly Platform[] | undefined,
  options: OpenPartsOptions,
): Promise<ImageSource> {
  options.signal?.throwIfAborted();
  const held: Held = [];
  try {
    const base = await openBase(parts.base, platforms, options, held);
    const opened = new Map<LayerRecipe, OpenedLayer>();
    const images: BuiltImage[] = [];
    for (const baseImage of base.images) {
      const layers: OpenedLayer[] = [];
      for (const recipe of layersFor(baseImage, parts)) {
        const known = opened.get(recipe);
        const layer = known ?? (await recipe.open(options));
        if (known === undefined) held.push(layer);
        opened.set(recipe, layer);
        layers.push(layer);
      }
      images.push(builtImage(baseImage, base, layers, parts, options));
    }
    const [only] = images;
    if (only === undefined) throw new Error('unreachable: a base has an image');
    return {
      kind: 'parts',
      name: base.name === undefined ? 'an image from parts' : `an image from parts, on ${base.name}`,
      items: [base.index === undefined ? only.image : draftIndex(images, base.index.mediaType, parts)],
      [Symbol.asyncDispose]: () => release(held),
    };
  } catch (error) {
    await release(held);
    throw error;
  }
}

interface BuiltImage {
  readonly image: SourceImage;
  readonly platform: Platform | undefined;
}

async function release(held: Held): Promise<void> {
  for (let one = held.pop(); one !== undefined; one = held.pop()) await one[Symbol.asyncDispose]();
}

async function openBase(
  base: ImageParts['base'],
  platforms: readonly Platform[] | undefined,
  { openBase: open = openSource, ...options }: OpenPartsOptions,
  held: Held,
): Promise<Base> {
  if (base === undefined) return scratch(platforms);
  if (typeof base !== 'string') return baseOf(base, platforms);
  // Of an index, only what is wanted is read, where that is one image.
  const platform = platforms?.length === 1 ? platforms[0] : undefined;
  const source = await open(base, { platform, signal: options.signal });
  held.push(source);
  return baseOf(source, platforms);
}

/** What everybody builds for who says nothing, and is the same on every machine. */
const linuxAmd64: Platform = Object.freeze({ os: 'linux', architecture: 'amd64' });

function scratch(platforms: readonly Platform[] = [linuxAmd64]): Base {
  return {
    images: platforms.map((platform) => ({ image: undefined, platform })),
    index: platforms.length > 1 ? { mediaType: mediaTypes.ociIndex } : undefined,
    name: undefined,
  };
}

function layersFor({ platform }: BaseImage, { layers = [] }: ImageParts): readonly LayerRecipe[] {
  return typeof layers === 'function' ? layers(platform) : layers;
}

function builtImage(
  { image: base, platform }: BaseImage,
  { name }: Base,
  layers: readonly OpenedLayer[],
  parts: ImageParts,
  { time }: OpenPartsOptions,
): BuiltImage {
  const created = rfc3339(parts.created ?? time ?? new Date(0));
  const added = layers.map(({ layer }) => layer);
  const bytes = imageConfig({
    base: base?.config.bytes,
    platform,
    changes: parts.config ?? {},
    created,
    author: parts.author,
    diffIDs: added.map(({ diffID }) => diffID),
    history: historyOf(layers, parts),
  });
  const all = [...(base === undefined ? [] : inheritedLayers(base)), ...added];
  const config = imageConfigOf(bytes, bytes.byteLength, "the image's config");
  if (config?.rootfs.diff_ids.length !== all.length) {
    throw invalidSource(`The config of the base names other layers than it has: ${base?.layers.length ?? 0}`);
  }
  const isDocker = parts.format === 'docker' || (parts.format !== 'oci' && base !== undefined && isOfDocker(base));
  const mediaType = isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig;
  const image: SourceImage = {
    kind: 'image',
    names: [],
    platform,
    config: { mediaType, digest: digestBytes(bytes), bytes },
    layers: all,
    manifest: undefined,
    annotations: { ...(isDocker ? {} : originOf(base, name)), ...parts.annotations },
  };
  return { image, platform };
}

/** The steps as the caller tells them, or as the layers do. */
function historyOf(layers: readonly OpenedLayer[], { history }: ImageParts): readonly HistoryEntry[] {
  if (history === undefined) return layers.map((layer) => layer.history);
  const made = history.filter((step) => step.empty_layer !== true).length;
  if (made === layers.length) return history;
  throw new ArgumentError(
    'parts.history',
    'Expected `parts.history` to have as many steps without `empty_layer` as there are layers, ' +
      `${layers.length}, got ${made}`,
  );
}

function inheritedLayers({ layers, manifest, heldIn }: SourceImage): readonly SourceLayer[] {
  return layers.map((layer) => {
    if (layer.inherited !== undefined || layer.descriptor === undefined) return layer;
    if (manifest === undefined && heldIn === undefined) return layer; // a docker archive: its names prove nothing
    return { ...layer, inherited: { heldIn } };
  });
}

function isOfDocker({ manifest, config }: SourceImage): boolean {
  if (manifest === undefined) return config.mediaType !== mediaTypes.ociConfig;
  return manifest.mediaType.startsWith('application/vnd.docker.');
}

/** @see https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md */
function originOf(base: SourceImage | undefined, name: string | undefined): Readonly<Record<string, string>> {
  if (base?.manifest === undefined) return {};
  return {
    'org.opencontainers.image.base.digest': base.manifest.digest,
    ...(name === undefined ? {} : { 'org.opencontainers.image.base.name': name }),
  };
}

/** An index of images whose manifests are made when they are pushed: platforms and annotations, and media types. */
function draftIndex(images: readonly BuiltImage[], baseType: string, { annotations, format }: ImageParts): SourceIndex {
  const isList = format === 'docker' || (format !== 'oci' && baseType === mediaTypes.dockerManifestList);
  const children = images.map(({ image, platform }) => ({ item: image, descriptor: draftDescriptor(image, platform) }));
  const manifests = children.map(({ descriptor }) => descriptor);
  const draft: EncodedManifest = isList
    ? buildDockerManifestList({ manifests })
    : buildIndex({ manifests, annotations });
  return { kind: 'index', names: [], manifest: draft, children };
}

/** The config stands for the image until its manifest is made. */
function draftDescriptor({ config }: SourceImage, platform: Platform | undefined): Descriptor {
  const isDocker = config.mediaType === mediaTypes.dockerConfig;
  return {
    mediaType: isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
    digest: config.digest,
    size: config.bytes.byteLength,
    ...(platform === undefined ? {} : { platform }),
  };
}

function rfc3339(date: Date): string {
  return new Date(Math.floor(date.getTime() / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
