import { type Content, type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import type { Repository, UploadSession } from '../src/index.ts';

/** Bytes that repeat only after 251, so that a shifted read is noticed. */
export function testBytes(size: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index + seed) % 251);
}

/** A session, where nothing else would do. */
export async function beginSession(repository: Repository): Promise<UploadSession> {
  const begun = await repository.beginUpload();
  if (begun.kind !== 'session') throw new Error('Expected a session');
  return begun.session;
}

/** The bytes in pieces, as a stream of unknown length. */
export async function* streamOf(bytes: Uint8Array, pieceSize = 10_000): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.byteLength; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

/** The ways to upload a blob, by name. */
export const uploadShapes: Readonly<
  Record<'stream' | 'put' | 'chunks', (session: UploadSession, content: Content, digest: Digest) => Promise<void>>
> = {
  async stream(session, content, digest) {
    await session.stream(content);
    await session.commit(digest);
  },
  async put(session, content, digest) {
    await session.put(content, digest);
  },
  async chunks(session, content, digest) {
    const chunkSize = Math.max(session.minChunkSize ?? 0, Math.ceil(content.size / 3));
    while (session.offset < content.size) {
      const from = session.offset;
      const size = Math.min(chunkSize, content.size - from);
      await session.append({ size, open: () => firstBytes(content, from, size) });
    }
    await session.commit(digest);
  },
};

async function* firstBytes(content: Content, from: number, size: number): AsyncGenerator<Uint8Array, void, void> {
  let left = size;
  for await (const chunk of content.open({ from })) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.byteLength);
    if (left === 0) return;
  }
}

/** A manifest of one layer, which is its config too. */
export function manifestOf(layer: Uint8Array, mediaType: string = mediaTypes.ociManifest): Uint8Array {
  const digest = digestBytes(layer);
  const size = layer.byteLength;
  return new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: mediaTypes.ociConfig, digest, size },
      layers: [{ mediaType: mediaTypes.ociLayerGzip, digest, size }],
    }),
  );
}

/** Everything a stream holds. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Everything an iterable holds. */
export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
