import { type AbortOptions, verified } from '@slipway/digest';
import {
  type Descriptor,
  type DockerManifest,
  type DockerManifestList,
  formatPlatform,
  type ImageConfig,
  isAttestation,
  isImageConfigMediaType,
  isIndexMediaType,
  isManifestMediaType,
  ManifestTooLargeError,
  matchPlatform,
  type OciIndex,
  type OciManifest,
  type ParsedManifest,
  type Platform,
  parseImageConfig,
  parseManifest,
  platformOfConfig,
} from '@slipway/manifest';
import { RegistryError } from '../errors.ts';
import type { GetImageOptions, ImageContent, ManifestContent, RepositoryRequests } from '../repository.ts';
import { maxManifestSize } from './manifests.ts';

const usualPlatform: Platform = Object.freeze({ os: 'linux', architecture: 'amd64' });
const maxConfigSize = 4_194_304;
/** Indexes within indexes. Each level is a request, and nobody nests deeper. */
const maxDepth = 4;

/** Reads an image: its manifest, chosen from an index where there is one, and its config. */
export async function getImage(
  repository: Requests,
  tagOrDigest: string,
  { platform, signal }: GetImageOptions,
): Promise<ImageContent | undefined> {
  const named = await repository.getManifest(tagOrDigest, { signal });
  if (named === undefined) return undefined;
  const reading: Reading = { repository, name: nameOf(repository, tagOrDigest), signal };
  const document = parse(named);
  if (!isIndex(document)) {
    const image = await readImage(reading, named, document);
    const own = platformOfConfig(image.config);
    if (platform !== undefined && own !== undefined && !matchPlatform(platform, own)) {
      throw noImage(`${reading.name} is for ${formatPlatform(own)}, not for ${formatPlatform(platform)}`, [own]);
    }
    return { ...image, index: undefined };
  }
  const image = await chooseImage(reading, await imagesOf(reading, document), platform);
  return { ...image, index: { digest: named.digest, document } };
}

/** What the choice of an image asks of a repository. */
type Requests = Pick<RepositoryRequests, 'registry' | 'path' | 'getManifest' | 'openBlob'>;
type Image = Omit<ImageContent, 'index'>;

interface Reading extends AbortOptions {
  readonly repository: Requests;
  /** What was asked for, for messages. */
  readonly name: string;
}

/** The entry for a platform. Entries that do not say what they are for are read, where none that says so fits. */
async function chooseImage(
  reading: Reading,
  entries: readonly Descriptor[],
  platform: Platform | undefined,
): Promise<Image> {
  const [only] = entries;
  if (platform === undefined && only !== undefined && entries.length === 1) return await readEntry(reading, only);
  const wanted = platform ?? usualPlatform;
  const labelled = entries.find((entry) => entry.platform !== undefined && matchPlatform(wanted, entry.platform));
  if (labelled !== undefined) return await readEntry(reading, labelled);
  const platforms: Platform[] = [];
  for (const entry of entries) {
    const image = entry.platform === undefined ? await readEntry(reading, entry) : undefined;
    const own = entry.platform ?? (image && platformOfConfig(image.config));
    if (image !== undefined && own !== undefined && matchPlatform(wanted, own)) return image;
    if (own !== undefined) platforms.push(own);
  }
  throw noImage(`${reading.name} has no image for ${formatPlatform(wanted)}`, platforms);
}

/** The images of an index, and of the indexes in it. Attestations and artifacts are left out. */
async function imagesOf(reading: Reading, index: ImageIndex, depth = 1): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  for (const entry of index.manifests) {
    if (isIndexMediaType(entry.mediaType)) {
      const inner = depth < maxDepth ? await readDocument(reading, entry) : undefined;
      if (inner !== undefined && isIndex(inner)) found.push(...(await imagesOf(reading, inner, depth + 1)));
    } else if (isImageEntry(entry)) found.push(entry);
  }
  return found;
}

function isImageEntry(entry: Descriptor): boolean {
  const { mediaType, platform, artifactType } = entry;
  if (isAttestation(entry) || platform?.os === 'unknown') return false;
  return isManifestMediaType(mediaType) && (artifactType === undefined || isImageConfigMediaType(artifactType));
}

async function readEntry(reading: Reading, entry: Descriptor): Promise<Image> {
  const manifest = await readChild(reading, entry);
  return await readImage(reading, manifest, parse(manifest));
}

async function readDocument(reading: Reading, entry: Descriptor): Promise<ParsedManifest> {
  return parse(await readChild(reading, entry));
}

async function readChild({ repository, name, signal }: Reading, entry: Descriptor): Promise<ManifestContent> {
  const { digest, mediaType } = entry;
  const manifest = await repository.getManifest(digest, { accept: [mediaType], signal });
  if (manifest !== undefined) return manifest;
  throw new RegistryError(`${name} names the manifest ${digest}, which is not there`, {
    code: 'ERR_REGISTRY_NOT_FOUND',
    status: 404,
  });
}

async function readImage(
  reading: Reading,
  { digest }: Pick<ManifestContent, 'digest'>,
  document: ParsedManifest,
): Promise<Image> {
  const { kind } = document;
  const isManifest = kind === 'docker-manifest' || kind === 'oci-manifest';
  if (!isManifest || !isImageConfigMediaType(document.config.mediaType)) {
    throw noImage(`${reading.name} is no image but ${describe(document)}`);
  }
  return { digest, manifest: document, config: await readConfig(reading, document) };
}

async function readConfig(
  { repository, signal }: Reading,
  { config }: DockerManifest | OciManifest,
): Promise<ImageConfig> {
  if (config.size > maxConfigSize) throw new ManifestTooLargeError('image config', config.size, maxConfigSize);
  const bytes = new Uint8Array(config.size);
  let at = 0;
  for await (const chunk of verified(repository.openBlob(config.digest, { size: config.size, signal }), config)) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return parseImageConfig(bytes);
}

type ImageIndex = DockerManifestList | OciIndex;

function isIndex(document: ParsedManifest): document is ImageIndex {
  return document.kind === 'docker-list' || document.kind === 'oci-index';
}

function parse({ bytes, mediaType }: ManifestContent): ParsedManifest {
  return parseManifest(bytes, mediaType, { maxSize: maxManifestSize });
}

function describe(document: ParsedManifest): string {
  if (document.kind === 'schema1') return 'an image of schema 1, which has no config';
  if (isIndex(document)) return 'an index';
  const type = document.kind === 'docker-manifest' ? undefined : document.artifactType;
  const config = document.kind === 'oci-artifact-manifest' ? undefined : document.config.mediaType;
  return `an artifact of type ${JSON.stringify((type ?? config ?? '').slice(0, 120))}`;
}

function noImage(message: string, platforms?: readonly Platform[]): RegistryError {
  const hint = platforms && 'choose one of the platforms that it has as `platform`, or leave it out';
  return new RegistryError(message, { code: 'ERR_REGISTRY_NO_IMAGE', platforms, hint });
}

function nameOf({ registry, path }: Requests, tagOrDigest: string): string {
  return `${registry}/${path}${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
}
