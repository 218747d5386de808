import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compression, type Content, type Digest, digestBytes, digestStream } from '@slipway/digest';
import { type Descriptor, layerMediaType, mediaTypes } from '@slipway/manifest';
import { compressed, fileContent } from './compress.ts';
import type { TestImage } from './random-image.ts';
import { type TarEntry, tarBytes, writeStream } from './tar-format.ts';

/** Anything that is no image: a signature, an SBOM. */
export interface TestArtifact {
  readonly artifactType: string;
  readonly blobs: readonly { readonly mediaType: string; readonly bytes: Uint8Array }[];
  /** The image it is about, which has to stand before it in the same layout. */
  readonly subject?: TestImage | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** One entry of a layout's `index.json`: an image, an index of several, or an artifact. */
export interface LayoutEntry {
  readonly content: TestImage | readonly TestImage[] | TestArtifact;
  /** `org.opencontainers.image.ref.name`: a tag, or a whole reference. @default none */
  readonly refName?: string | undefined;
}

export interface OciLayoutOptions {
  /** @default 'gzip' */
  readonly layerCompression?: Compression | undefined;
  /** Whether documents have OCI's media types or Docker's. @default 'oci' */
  readonly format?: 'oci' | 'docker' | undefined;
  /** Puts each entry into an index of its own, as buildkit does with attestations. @default false */
  readonly nested?: boolean | undefined;
}

export interface OciArchiveOptions extends OciLayoutOptions {
  /** Compresses the archive. @default 'none' */
  readonly compression?: Compression | undefined;
}

/** What was written. */
export interface WrittenLayout {
  /** The entries of `index.json`, in the order given. */
  readonly entries: readonly Descriptor[];
}

const documentTypes = {
  oci: { manifest: mediaTypes.ociManifest, index: mediaTypes.ociIndex, config: mediaTypes.ociConfig },
  docker: {
    manifest: mediaTypes.dockerManifest,
    index: mediaTypes.dockerManifestList,
    config: mediaTypes.dockerConfig,
  },
} as const;

/** Writes an OCI image layout into a folder, streaming; the folder is made, and may hold a layout already. */
export async function writeOciLayout(
  folder: string,
  entries: readonly LayoutEntry[],
  options: OciLayoutOptions = {},
): Promise<WrittenLayout> {
  const writer = new LayoutWriter(folder, options);
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const written: Descriptor[] = [];
  for (const { content, refName } of entries) {
    const descriptor = await writer.entry(content);
    written.push(
      refName === undefined
        ? descriptor
        : { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': refName } },
    );
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: written };
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  return { entries: written };
}

/** Writes an OCI image layout as one archive, streaming. */
export async function writeOciArchive(
  path: string,
  entries: readonly LayoutEntry[],
  options: OciArchiveOptions = {},
): Promise<WrittenLayout> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-layout-'));
  try {
    const written = await writeOciLayout(folder, entries, options);
    await writeStream(path, compressed(tarBytes(archiveEntries(folder)), options.compression ?? 'none'));
    return written;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* archiveEntries(folder: string): AsyncGenerator<TarEntry> {
  yield { name: 'blobs/', type: 'directory' };
  yield { name: 'blobs/sha256/', type: 'directory' };
  const blobs = await readdir(join(folder, 'blobs', 'sha256'));
  for (const name of [...blobs.sort().map((hex) => `blobs/sha256/${hex}`), 'index.json', 'oci-layout']) {
    yield { name, type: 'file', content: await fileContent(join(folder, name)) };
  }
}

/** Writes blobs and documents into one layout; what is there already is not written again. */
class LayoutWriter {
  readonly #folder: string;
  readonly #compression: Compression;
  readonly #format: 'oci' | 'docker';
  readonly #nested: boolean;
  readonly #layers = new Map<Digest, Descriptor>();
  readonly #images = new Map<TestImage, Descriptor>();

  constructor(folder: string, { layerCompression = 'gzip', format = 'oci', nested = false }: OciLayoutOptions) {
    this.#folder = folder;
    this.#compression = layerCompression;
    this.#format = format;
    this.#nested = nested;
  }

  async entry(content: LayoutEntry['content']): Promise<Descriptor> {
    const descriptor = await this.#document(content);
    return this.#nested ? await this.#index([descriptor]) : descriptor;
  }

  async #document(content: LayoutEntry['content']): Promise<Descriptor> {
    if ('artifactType' in content) return await this.#artifact(content);
    if ('layers' in content) return await this.#image(content);
    const children: Descriptor[] = [];
    for (const image of content) children.push({ ...(await this.#image(image)), platform: image.platform });
    return await this.#index(children);
  }

  async #image(image: TestImage): Promise<Descriptor> {
    const layers: Descriptor[] = [];
    for (const layer of image.layers) {
      const known = this.#layers.get(layer.diffID) ?? (await this.#layer(layer.tar));
      this.#layers.set(layer.diffID, known);
      layers.push(known);
    }
    const config = await this.#bytes(documentTypes[this.#format].config, image.configBytes);
    const descriptor = await this.#json(documentTypes[this.#format].manifest, { config, layers });
    this.#images.set(image, descriptor);
    return descriptor;
  }

  async #artifact({ artifactType, blobs, subject, annotations }: TestArtifact): Promise<Descriptor> {
    const subjectDescriptor = subject && this.#images.get(subject);
    if (subject && !subjectDescriptor)
      throw new TypeError('Expected `subject` to stand before the artifact in the layout');
    const config = await this.#bytes(mediaTypes.ociEmpty, new TextEncoder().encode('{}'));
    const layers: Descriptor[] = [];
    for (const { mediaType, bytes } of blobs) layers.push(await this.#bytes(mediaType, bytes));
    const rest = { ...(subjectDescriptor && { subject: subjectDescriptor }), ...(annotations && { annotations }) };
    return { ...(await this.#json(mediaTypes.ociManifest, { artifactType, config, layers, ...rest })), artifactType };
  }

  async #index(manifests: readonly Descriptor[]): Promise<Descriptor> {
    return await this.#json(documentTypes[this.#format].index, { manifests });
  }

  async #json(mediaType: string, fields: object): Promise<Descriptor> {
    return await this.#bytes(
      mediaType,
      new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...fields })),
    );
  }

  async #bytes(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const digest = digestBytes(bytes);
    await writeFile(this.#path(digest), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  async #layer(tar: Content): Promise<Descriptor> {
    const temporary = join(this.#folder, 'blobs', `.${randomUUID()}`);
    await writeStream(temporary, compressed(tar.open(), this.#compression));
    const { digest, size } = await digestStream((await fileContent(temporary)).open());
    await rename(temporary, this.#path(digest));
    return { mediaType: layerMediaType(this.#format, this.#compression), digest, size };
  }

  #path(digest: Digest): string {
    return join(this.#folder, 'blobs', ...digest.split(':'));
  }
}
