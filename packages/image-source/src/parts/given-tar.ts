import { aContent, either, isBytes, type Kind, someBytes, withMethods } from '@slipway/arguments';
import {
  type AbortOptions,
  type ByteStream,
  type Compression,
  type Content,
  contentOf,
  decompress,
  exactContent,
  type ReadableCompression,
} from '@slipway/digest';
import { invalidSource, wrongSize } from '../errors.ts';
import { type SpoolOptions, spool } from '../files/spool.ts';
import { magicLength, recogniseCompression } from '../files/stored-content.ts';
import { resolveSourceLimits } from '../options.ts';
import { isTarHeader } from '../tar/tar-header.ts';

/** A tar that a caller has made, in any compression: bytes, content that can be opened again, or a stream. */
export type GivenTar = Uint8Array | Content | ByteStream;

const aTarStream = withMethods('a stream', Symbol.asyncIterator);
export const aGivenTar: Kind = either(someBytes, aContent, aTarStream);

/** Whether a tar can be read once only. Streams of Node have an `open` of their own, which is none of content. */
export function isTarStream(tar: GivenTar): tar is ByteStream {
  return !isBytes(tar) && aTarStream.is(tar);
}

export interface OpenedTar extends AsyncDisposable {
  readonly content: Content;
  readonly compression: Compression;
}

const name = 'the tar of a layer';

/**
 * A given tar as content that can be opened again. A stream, and what is compressed with xz or bzip2, is written to a
 * temporary file without a name, unpacked; all else is read where it lies.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` for what is no tar; `ERR_SOURCE_SPOOL`
 */
export async function openTar(
  tar: GivenTar,
  { spoolFolder, onSpool, signal }: Pick<SpoolOptions, 'spoolFolder' | 'onSpool' | 'signal'>,
): Promise<OpenedTar> {
  const content = isTarStream(tar) ? undefined : contentFrom(tar);
  const compression = content && (await compressionOf(content, { signal }));
  if (content !== undefined && compression !== undefined && compression !== 'xz' && compression !== 'bzip2') {
    return { content, compression, [Symbol.asyncDispose]: async () => {} };
  }
  const stream = content?.open({ signal }) ?? (tar as ByteStream);
  const file = await spool(stream, { name, spoolFolder, onSpool, signal, limits: resolveSourceLimits() });
  return {
    content: file.slice(0, file.size, name),
    compression: 'none',
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function contentFrom(tar: Uint8Array | Content): Content {
  return isBytes(tar) ? contentOf(tar) : exactContent(tar, (actual) => wrongSize('The tar of a layer', actual));
}

/** The plain tar, which begins as one. @throws {SourceError} `ERR_SOURCE_INVALID` */
export async function* plainTar(
  { content, compression }: Pick<OpenedTar, 'content' | 'compression'>,
  { signal }: AbortOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const head = Buffer.alloc(512);
  let seen = 0;
  for await (const chunk of decompress(content.open({ signal }), compression, { signal })) {
    if (seen < head.byteLength) {
      head.set(chunk.subarray(0, head.byteLength - seen), seen);
      seen += chunk.byteLength;
      if (seen >= head.byteLength) assertHeader(head);
    }
    yield chunk;
  }
  if (seen < head.byteLength) throw invalidSource(`Cannot use ${name}: it has fewer bytes than one header`);
}

function assertHeader(block: Buffer): void {
  if (block.every((byte) => byte === 0)) return; // an empty tar is one
  if (!isTarHeader(block)) throw invalidSource(`Cannot use ${name}: it does not begin as a tar`);
}

async function compressionOf(content: Content, { signal }: AbortOptions): Promise<ReadableCompression> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open({ signal })) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= magicLength) break;
  }
  return recogniseCompression(Buffer.concat(chunks));
}
