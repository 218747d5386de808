import { open } from 'node:fs/promises';
import {
  type AbortOptions,
  algorithmOf,
  type ByteStream,
  CompressionError,
  type Content,
  ContentMismatchError,
  contentOf,
  createDigester,
  type Digest,
  decompress,
  digestStream,
  exactContent,
  type ReadableCompression,
  verified,
} from '@slipway/digest';
import type { SourceImage, SourceItem, SourceLayer } from '@slipway/image-source';
import { buildOciManifest, type Descriptor, layerMediaType, mediaTypes, toOciMediaType } from '@slipway/manifest';
import { ImageStoreError } from '../errors.ts';
import type { LoadProgress } from '../image-store.ts';
import type { StoredManifest } from '../layout/store-state.ts';
import type { Workspace } from '../layout/workspace.ts';
import { keepLayerSource } from './layer-source.ts';

export interface StageOptions extends AbortOptions {
  readonly maxLayerBytes: number;
  /** Layers whose diffID was checked before, by {@link provenPair}; those that are checked now are added. */
  readonly proven: Set<string>;
  readonly onProgress: (progress: LoadProgress) => void;
}

/**
 * Brings all blobs of an item into a workspace, each once, checked against digests and diffIDs. Layers stay as they
 * are: one that is not compressed is not compressed here either. What came without a manifest gets one, so that it is
 * an image for other tools.
 *
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_INVALID_IMAGE`, in docker's words where docker refuses too
 */
export async function stageItem(
  item: SourceItem,
  workspace: Workspace,
  options: StageOptions,
): Promise<StoredManifest> {
  return await new Stage(workspace, options).item(item);
}

class Stage {
  readonly #workspace: Workspace;
  readonly #options: StageOptions;

  constructor(workspace: Workspace, options: StageOptions) {
    this.#workspace = workspace;
    this.#options = options;
  }

  async item(item: SourceItem): Promise<StoredManifest> {
    this.#options.signal?.throwIfAborted();
    switch (item.kind) {
      case 'image':
        return await this.#image(item);
      case 'artifact':
        for (const { descriptor, content } of item.blobs) await this.#blob(content, descriptor.digest);
        return await this.#manifest(item.manifest);
      case 'index':
        for (const child of item.children) await this.item(child.item);
        return await this.#manifest(item.manifest);
      default:
        throw new Error(`unreachable: ${item satisfies never}`);
    }
  }

  async #image(image: SourceImage): Promise<StoredManifest> {
    const layers: Descriptor[] = [];
    for (const [at, layer] of image.layers.entries()) {
      // With a manifest, the layer's own digest is given. Without, that of an uncompressed one is its diffID.
      const given = image.manifest ? layer.descriptor?.digest : undefined;
      const expected = given ?? (layer.compression === 'none' ? layer.diffID : undefined);
      layers.push(await this.#layer(layer, at, expected));
    }
    const { mediaType, digest, bytes } = image.config;
    await this.#blob(contentOf(bytes), digest);
    if (image.manifest) return { ...(await this.#manifest(image.manifest)), id: digest };
    const config = { mediaType: toOciMediaType(mediaType) ?? mediaTypes.ociConfig, digest, size: bytes.byteLength };
    return { ...(await this.#manifest(buildOciManifest({ config, layers }))), id: digest, isBuilt: true };
  }

  async #manifest(manifest: {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly bytes: Uint8Array;
  }): Promise<StoredManifest> {
    const { mediaType, digest, bytes } = manifest;
    await this.#blob(contentOf(bytes), digest);
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, id: digest, isBuilt: false };
  }

  /** The descriptor that a manifest made here has for the layer. */
  async #layer(layer: SourceLayer, at: number, expected: Digest | undefined): Promise<Descriptor> {
    const { diffID, content, compression, descriptor } = layer;
    if (!content) {
      if (!descriptor) throw new Error(`unreachable: layer ${diffID} has neither content nor descriptor`);
      return { ...descriptor, mediaType: toOciMediaType(descriptor.mediaType) ?? descriptor.mediaType };
    }
    const { size } = content;
    const isThere = expected !== undefined && (await this.#isThere(expected, diffID, size));
    if (isThere) this.#options.onProgress({ type: 'layer:exists', diffID, total: size });
    const digest = isThere ? expected : await this.#writeLayer(content, compression, diffID, at, expected);
    return keepLayerSource({ mediaType: layerTypeOf(compression), digest, size }, descriptor);
  }

  /** Whether the bytes need not be read: they are here already, and are known to unpack to this diffID. */
  async #isThere(digest: Digest, diffID: Digest, size: number): Promise<boolean> {
    if (digest !== diffID && !this.#options.proven.has(provenPair(digest, diffID))) return false;
    const { signal } = this.#options;
    return this.#workspace.holdsBlob(digest, size) || (await this.#workspace.holdProven(digest, size, { signal }));
  }

  /** One pass: the bytes go to the disk as they come, and through the decoder for their diffID. */
  async #writeLayer(
    content: Content,
    compression: ReadableCompression,
    diffID: Digest,
    at: number,
    expected: Digest | undefined,
  ): Promise<Digest> {
    const { signal, maxLayerBytes, onProgress } = this.#options;
    const path = this.#workspace.newPath();
    const digester = expected === diffID ? undefined : createDigester(expected && algorithmOf(expected));
    let current = 0;
    const write = writing(path, exactContent(content).open({ signal }), (chunk) => {
      digester?.update(chunk);
      current += chunk.byteLength;
      onProgress({ type: 'layer:progress', diffID, current, total: content.size });
    });
    const plain = decompress(write, compression, { signal, maxBytes: maxLayerBytes });
    const measured = await digestStream(plain, { signal, algorithm: algorithmOf(diffID) }).catch((cause: unknown) => {
      throw asInvalid(cause, `layer ${at}`);
    });
    if (measured.digest !== diffID) {
      throw invalid(`invalid diffID for layer ${at}: expected "${diffID}", got "${measured.digest}"`);
    }
    const digest = digester?.digest() ?? diffID;
    if (expected !== undefined && digest !== expected) {
      throw invalid(`invalid digest for layer ${at}: expected "${expected}", got "${digest}"`);
    }
    this.#options.proven.add(provenPair(digest, diffID));
    await this.#workspace.keep(path, digest);
    return digest;
  }

  /** A blob that must have this digest. */
  async #blob(content: Content, digest: Digest): Promise<void> {
    const { signal } = this.#options;
    if (this.#workspace.holdsBlob(digest, content.size)) return; // another item has it too
    if (await this.#workspace.holdProven(digest, content.size, { signal })) return;
    const path = this.#workspace.newPath();
    const bytes = verified(content.open({ signal }), { digest, size: content.size });
    try {
      for await (const _ of writing(path, bytes)) signal?.throwIfAborted();
    } catch (cause) {
      throw asInvalid(cause, `blob ${digest}`);
    }
    await this.#workspace.keep(path, digest);
  }
}

function layerTypeOf(compression: ReadableCompression): string {
  const isUnnamed = compression === 'xz' || compression === 'bzip2';
  return isUnnamed ? `${mediaTypes.ociLayer}+${compression}` : layerMediaType('oci', compression);
}

/** A blob and what it unpacks to, as one text. */
export function provenPair(digest: Digest, diffID: Digest): string {
  return `${digest} ${diffID}`;
}

function invalid(message: string): ImageStoreError {
  return new ImageStoreError('ERR_IMAGE_STORE_INVALID_IMAGE', message, { hint: 'Make or fetch the image again' });
}

/** Writes a stream to a new file while somebody reads it; whoever reads to the end knows that it is on the disk. */
async function* writing(path: string, stream: ByteStream, onChunk?: (chunk: Uint8Array) => void): ByteStream {
  const file = await open(path, 'wx', 0o644);
  try {
    for await (const chunk of stream) {
      onChunk?.(chunk);
      for (let done = 0; done < chunk.byteLength; ) done += (await file.write(chunk, done)).bytesWritten;
      yield chunk;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

function asInvalid(cause: unknown, what: string): unknown {
  if (!(cause instanceof CompressionError) && !(cause instanceof ContentMismatchError)) return cause;
  return new ImageStoreError('ERR_IMAGE_STORE_INVALID_IMAGE', `Cannot load ${what}: ${cause.message}`, {
    cause,
    hint: 'Make or fetch the image again',
  });
}
