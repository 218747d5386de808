import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compression, digestBytes, digestStream } from '@slipway/digest';
import { layerMediaType, mediaTypes } from '@slipway/manifest';
import { compressed, compressInto } from './compress.ts';
import type { TestImage } from './random-image.ts';
import type { TestLayer } from './random-layer.ts';
import { fileEntry, type TarEntry, tarBytes, writeStream } from './tar-format.ts';

/** An image and what it is called: `app:v1`, `ghcr.io/me/app:v1`. */
export interface ArchivedImage {
  readonly image: TestImage;
  /** @default none: the image is in the archive without a name */
  readonly references?: readonly string[] | undefined;
}

export interface DockerArchiveOptions {
  /** As `docker save` writes it: up to 24 (a folder a layer), or from 25 on (an OCI layout inside). @default 'new' */
  readonly layout?: 'old' | 'new' | undefined;
  /** In the old layout, makes every later copy of a layer a symlink to the first, as docker did. @default true */
  readonly links?: boolean | undefined;
  /** Compresses the whole archive. @default 'none' */
  readonly compression?: Compression | undefined;
  /** Compresses the layers, as `podman save --compress` and buildkit can. @default 'none' */
  readonly layerCompression?: Compression | undefined;
}

/** Writes what `docker save` writes, streaming. */
export async function writeDockerArchive(
  path: string,
  images: readonly ArchivedImage[],
  options: DockerArchiveOptions = {},
): Promise<void> {
  const { layout = 'new', links = true, compression = 'none', layerCompression = 'none' } = options;
  const folder = await mkdtemp(join(tmpdir(), 'slipway-archive-'));
  try {
    const entries =
      layout === 'old'
        ? oldEntries(images, links, layerCompression, folder)
        : newEntries(images, layerCompression, folder);
    await writeStream(path, compressed(tarBytes(entries), compression));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @see https://github.com/moby/moby/blob/v24.0.9/image/tarexport/save.go#L207-L306 */
async function* oldEntries(
  images: readonly ArchivedImage[],
  links: boolean,
  compression: Compression,
  folder: string,
): AsyncGenerator<TarEntry> {
  const manifest: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  const written = new Set<string>();
  const firstFolder = new Map<string, string>();
  for (const { image, references = [] } of images) {
    const paths: string[] = [];
    let parent = '';
    for (const [index, layer] of image.layers.entries()) {
      const isTop = index === image.layers.length - 1;
      const id = hexOf(
        digestBytes(new TextEncoder().encode(`${parent}\n${layer.diffID}\n${isTop ? image.imageID : ''}`)),
      );
      paths.push(`${id}/layer.tar`);
      if (!written.has(id))
        yield* layerFolder(id, parent, layer, links ? firstFolder.get(layer.diffID) : undefined, compression, folder);
      written.add(id);
      if (!firstFolder.has(layer.diffID)) firstFolder.set(layer.diffID, id);
      parent = id;
    }
    const config = `${hexOf(image.imageID)}.json`;
    if (!written.has(config)) yield fileEntry(config, image.configBytes);
    written.add(config);
    manifest.push({ Config: config, RepoTags: references.length > 0 ? references : null, Layers: paths });
    for (const reference of references) nameIn(repositories, reference, parent);
  }
  yield fileEntry('manifest.json', JSON.stringify(manifest));
  if (Object.keys(repositories).length > 0) yield fileEntry('repositories', JSON.stringify(repositories));
}

async function* layerFolder(
  id: string,
  parent: string,
  layer: TestLayer,
  linkTo: string | undefined,
  compression: Compression,
  folder: string,
): AsyncGenerator<TarEntry> {
  yield { name: `${id}/`, type: 'directory' };
  yield fileEntry(`${id}/VERSION`, '1.0');
  yield fileEntry(
    `${id}/json`,
    JSON.stringify({ id, ...(parent === '' ? {} : { parent }), created: '1970-01-01T00:00:00Z' }),
  );
  const name = `${id}/layer.tar`;
  if (linkTo === undefined) yield { name, type: 'file', content: await compressInto(folder, layer.tar, compression) };
  else yield { name, type: 'symlink', target: `../${linkTo}/layer.tar` };
}

/** @see https://github.com/moby/moby/blob/v25.0.0/image/tarexport/save.go#L218-L370 */
async function* newEntries(
  images: readonly ArchivedImage[],
  compression: Compression,
  folder: string,
): AsyncGenerator<TarEntry> {
  const written = new Set<string>();
  const manifest: object[] = [];
  const index: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  yield { name: 'blobs/', type: 'directory' };
  yield { name: 'blobs/sha256/', type: 'directory' };
  for (const { image, references = [] } of images) {
    const layers: { readonly mediaType: string; readonly size: number; readonly digest: string }[] = [];
    for (const layer of image.layers) {
      const content = await compressInto(folder, layer.tar, compression);
      const digest = compression === 'none' ? layer.diffID : (await digestStream(content.open())).digest;
      layers.push({ mediaType: layerMediaType('oci', compression), size: content.size, digest });
      if (!written.has(digest)) yield { name: blobPath(digest), type: 'file', content };
      written.add(digest);
    }
    if (!written.has(image.imageID)) yield fileEntry(blobPath(image.imageID), image.configBytes);
    written.add(image.imageID);
    const config = {
      mediaType: mediaTypes.ociConfig,
      size: image.configBytes.byteLength,
      digest: image.imageID,
    };
    const bytes = new TextEncoder().encode(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }),
    );
    const digest = digestBytes(bytes);
    if (!written.has(digest)) yield fileEntry(blobPath(digest), bytes);
    written.add(digest);
    manifest.push({
      Config: blobPath(image.imageID),
      RepoTags: references.length > 0 ? references : null,
      Layers: layers.map((layer) => blobPath(layer.digest)),
    });
    const descriptor = { mediaType: mediaTypes.ociManifest, digest, size: bytes.byteLength };
    if (references.length === 0) index.push(descriptor);
    for (const reference of references) {
      nameIn(repositories, reference, hexOf(layers.at(-1)?.digest ?? image.imageID));
      const annotations = {
        'io.containerd.image.name': reference,
        'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
      };
      index.push({ ...descriptor, annotations });
    }
  }
  yield fileEntry('index.json', JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: index }));
  yield fileEntry('manifest.json', JSON.stringify(manifest));
  yield fileEntry('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  if (Object.keys(repositories).length > 0) yield fileEntry('repositories', JSON.stringify(repositories));
}

function nameIn(repositories: Record<string, Record<string, string>>, reference: string, id: string): void {
  const at = reference.lastIndexOf(':');
  const name = reference.slice(0, at);
  repositories[name] = { ...repositories[name], [reference.slice(at + 1)]: id };
}

function blobPath(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}
