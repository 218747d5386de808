import type { IncomingMessage } from 'node:http';
import {
  type ByteStream,
  type Digest,
  decompress,
  detectCompression,
  digestBytes,
  digestStream,
  verified,
} from '@slipway/digest';
import { type Descriptor, isIndexMediaType, mediaTypes } from '@slipway/manifest';
import { TestkitError } from './errors.ts';
import { openAnswer } from './http-request.ts';

export interface ReadBackOptions {
  /** PEM of the authority that vouches for the registry. With it, HTTPS is spoken. */
  readonly ca?: string | undefined;
  /** Sent with every request: `{ authorization: 'Basic …' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Manifest bytes read at most. @default 4 MiB */
  readonly manifestMaxBytes?: number | undefined;
}

/** A layer that was read and is what its descriptor says. */
export interface ReadBackLayer {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes as stored. */
  readonly size: number;
  /** Digest of the uncompressed layer; undefined for the blobs of an artifact. */
  readonly diffID: Digest | undefined;
}

/** A manifest or index, with everything below it, that was read and proved. */
export interface ReadBack {
  readonly kind: 'image' | 'index' | 'artifact';
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  /** The config's descriptor; undefined for an index. */
  readonly config: Descriptor | undefined;
  /** From the bottom up. Foreign layers are left out. */
  readonly layers: readonly ReadBackLayer[];
  /** What an index names, in its order. */
  readonly children: readonly ReadBack[];
  /** Bytes read in all, children included. */
  readonly totalBytes: number;
}

interface Document {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/**
 * Pulls an image out of any registry and proves every byte of it: digests, sizes, and the diffID of every layer.
 * It parses and fetches by itself, so that it can tell on the packages that push.
 *
 * @throws {TestkitError} ERR_TESTKIT_UNEXPECTED when the registry answers with anything but 200;
 * ERR_TESTKIT_INCONSISTENT when a layer is not the one its config names.
 * @throws {ContentMismatchError} `ERR_SIZE_MISMATCH` or `ERR_DIGEST_MISMATCH` when content is not what its descriptor
 * says.
 */
export async function readBack(
  host: string,
  repository: string,
  tagOrDigest: string,
  options: ReadBackOptions = {},
): Promise<ReadBack> {
  const base = `${options.ca === undefined ? 'http' : 'https'}://${host}/v2/${repository}`;
  const response = await get(`${base}/manifests/${tagOrDigest}`, options, accepted);
  const bytes = await collect(response, options.manifestMaxBytes ?? 4 * 1024 * 1024);
  const digest = digestBytes(bytes);
  if (tagOrDigest.includes(':') && tagOrDigest !== digest) {
    throw new TestkitError('ERR_TESTKIT_INCONSISTENT', `Expected manifest ${tagOrDigest}, got ${digest}`);
  }
  const document = JSON.parse(new TextDecoder().decode(bytes)) as Document;
  const mediaType = document.mediaType ?? response.headers['content-type'] ?? '';
  const own = { mediaType, digest, size: bytes.byteLength };
  if (isIndexMediaType(mediaType)) {
    const children: ReadBack[] = [];
    for (const child of document.manifests ?? [])
      children.push(await readBack(host, repository, child.digest, options));
    const below = children.reduce((sum, child) => sum + child.totalBytes, own.size);
    return { ...own, kind: 'index', config: undefined, layers: [], children, totalBytes: below };
  }
  const blob = async (descriptor: Descriptor): Promise<ByteStream> =>
    verified(await get(`${base}/blobs/${descriptor.digest}`, options), descriptor);
  return { ...own, ...(await readImage(document, blob, own.size)) };
}

type ReadBlob = (descriptor: Descriptor) => Promise<ByteStream>;

async function readImage(
  { config, layers = [] }: Document,
  blob: ReadBlob,
  manifestBytes: number,
): Promise<Pick<ReadBack, 'kind' | 'config' | 'layers' | 'children' | 'totalBytes'>> {
  if (config === undefined) throw new TestkitError('ERR_TESTKIT_UNEXPECTED', 'Expected a manifest with a config');
  const isImage = config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig;
  const configBytes = await collect(await blob(config), config.size);
  const diffIDs = isImage ? diffIDsOf(configBytes) : [];
  if (isImage && diffIDs.length !== layers.length) {
    const message = `Expected ${diffIDs.length} layers, as the config has diffIDs, got ${layers.length}`;
    throw new TestkitError('ERR_TESTKIT_INCONSISTENT', message);
  }
  const read: ReadBackLayer[] = [];
  for (const [index, layer] of layers.entries()) {
    if (layer.urls?.length) continue;
    const { mediaType, digest, size } = layer;
    const diffID = await readLayer(await blob(layer), isImage);
    if (diffID !== diffIDs[index]) {
      throw new TestkitError(
        'ERR_TESTKIT_INCONSISTENT',
        `Expected layer ${digest} to have diffID ${diffIDs[index]}, got ${diffID}`,
      );
    }
    read.push({ mediaType, digest, size, diffID });
  }
  const totalBytes = read.reduce((sum, { size }) => sum + size, manifestBytes + config.size);
  return { kind: isImage ? 'image' : 'artifact', config, layers: read, children: [], totalBytes };
}

/**
 * Reads a layer to its end; its diffID, where it has one. What compression it has, its bytes tell: media types have
 * lied.
 */
async function readLayer(stored: ByteStream, isImage: boolean): Promise<Digest | undefined> {
  const chunks = stored[Symbol.asyncIterator]();
  const first = await chunks.next();
  const whole = (async function* (): AsyncGenerator<Uint8Array> {
    if (!first.done) yield first.value;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  })();
  const compression = isImage && !first.done ? detectCompression(first.value) : 'none';
  const { digest } = await digestStream(decompress(whole, compression));
  return isImage ? digest : undefined;
}

function diffIDsOf(configBytes: Uint8Array): readonly Digest[] {
  const { rootfs } = JSON.parse(new TextDecoder().decode(configBytes)) as { rootfs?: { diff_ids?: Digest[] } };
  return rootfs?.diff_ids ?? [];
}

const accepted = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
];

async function get(url: string, options: ReadBackOptions, accept: readonly string[] = []): Promise<IncomingMessage> {
  const headers = { ...(accept.length > 0 ? { accept: accept.join(', ') } : {}), ...options.headers };
  const response = await openAnswer(url, { headers, ca: options.ca });
  if (response.statusCode === 200) return response;
  const text = new TextDecoder().decode(await collect(response, 64 * 1024)).trim();
  throw new TestkitError('ERR_TESTKIT_UNEXPECTED', `GET ${url} answered ${response.statusCode}: ${text}`);
}

async function collect(stream: ByteStream, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit) throw new TestkitError('ERR_TESTKIT_UNEXPECTED', `Expected at most ${limit} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
