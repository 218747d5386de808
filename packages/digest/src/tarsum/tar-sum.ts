import { createHash, type Hash } from 'node:crypto';
import { ArgumentError, assertChunk, assertSignal } from '@slipway/arguments';
import { TarSumError } from '../errors.ts';
import type { AbortOptions, ByteStream } from '../streams/content.ts';
import {
  type ByteText,
  blockSize,
  readLongName,
  readPaxRecords,
  readTarHeader,
  type TarExtensions,
  type TarHeader,
} from './tar-headers.ts';

/**
 * `0` is what the v1 protocol uses, with times and without extended attributes; `1` what the first v2 registries do;
 * `dev` is `1` under the name it had before.
 */
export type TarSumVersion = '0' | '1' | 'dev';

/** A TarSum in the making: the bytes of a tar go in, in pieces of any size. */
export interface TarSum {
  /** @throws {TarSumError} `ERR_TARSUM_INVALID` when it is no tar. */
  update(chunk: Uint8Array): void;
  /**
   * `tarsum+sha256:…`, once the whole tar was seen. Ends the sum.
   *
   * @param extra bytes that the sum begins with: the image's `json` for the v1 protocol. @default none
   * @throws {TarSumError} `ERR_TARSUM_INVALID` when the tar was cut.
   */
  sum(extra?: Uint8Array): string;
}

const labels = { '0': 'tarsum', '1': 'tarsum.v1', dev: 'tarsum.dev' } as const;

/** Bytes of one pax or GNU extension header. */
const maxExtensionBytes = 1024 * 1024;

/**
 * Starts a TarSum. Nothing but one hash per file is kept.
 *
 * @throws {TypeError} when there is no such version
 * @see https://github.com/moby/moby/blob/v1.12.6/pkg/tarsum/tarsum_spec.md
 */
export function createTarSum(version: TarSumVersion): TarSum {
  if (!Object.hasOwn(labels, version))
    throw new ArgumentError('version', `Expected \`version\` to be 0, 1 or dev, got ${version}`);
  return new StreamingTarSum(version);
}

/** The TarSum of a whole tar. */
export async function tarSum(
  stream: ByteStream,
  version: TarSumVersion,
  { extra, signal }: AbortOptions & { readonly extra?: Uint8Array | undefined } = {},
): Promise<string> {
  assertSignal(signal);
  const sum = createTarSum(version);
  for await (const chunk of stream) {
    signal?.throwIfAborted();
    sum.update(chunk);
  }
  return sum.sum(extra);
}

interface FileSum {
  readonly path: ByteText;
  readonly hash: string;
}

const none: TarExtensions = { pax: new Map(), longName: undefined, longLink: undefined };

class StreamingTarSum implements TarSum {
  readonly #version: TarSumVersion;
  readonly #files: FileSum[] = [];
  readonly #block = new Uint8Array(blockSize);
  #filled = 0;
  /** Data left of the current entry, and the zeros that fill its last block. */
  #data = 0;
  #padding = 0;
  #entry: { readonly path: ByteText; readonly hash: Hash } | undefined;
  #extension: { readonly typeflag: string; readonly chunks: Uint8Array[] } | undefined;
  #pending: TarExtensions = none;
  #isEnded = false;

  constructor(version: TarSumVersion) {
    this.#version = version;
  }

  update(chunk: Uint8Array): void {
    assertChunk(chunk);
    let at = 0;
    while (at < chunk.byteLength && !this.#isEnded) {
      if (this.#data > 0) {
        const piece = chunk.subarray(at, at + this.#data);
        this.#take(piece);
        at += piece.byteLength;
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.byteLength - at);
        this.#padding -= skipped;
        at += skipped;
      } else {
        const piece = chunk.subarray(at, at + blockSize - this.#filled);
        this.#block.set(piece, this.#filled);
        this.#filled += piece.byteLength;
        at += piece.byteLength;
        if (this.#filled === blockSize) this.#begin();
      }
    }
  }

  sum(extra: Uint8Array = new Uint8Array(0)): string {
    if (this.#data > 0 || this.#filled > 0 || this.#extension)
      throw new TarSumError('the tar ends in the middle of an entry');
    const hash = createHash('sha256').update(extra);
    for (const file of inOrder(this.#files)) hash.update(file.hash);
    return `${labels[this.#version]}+sha256:${hash.digest('hex')}`;
  }

  #begin(): void {
    this.#filled = 0;
    const header = readTarHeader(this.#block, this.#pending);
    if (header === undefined) {
      this.#isEnded = true;
      return;
    }
    const { typeflag, dataSize } = header;
    this.#data = dataSize;
    this.#padding = (blockSize - (dataSize % blockSize)) % blockSize;
    // A global pax header is an entry like another for TarSum, and says nothing of those after it.
    if ('xLK'.includes(typeflag)) {
      if (dataSize > maxExtensionBytes)
        throw new TarSumError(`an extension header has more than ${maxExtensionBytes} bytes`);
      this.#extension = { typeflag, chunks: [] };
    } else {
      this.#pending = none;
      this.#entry = { path: pathOf(header.name), hash: this.#headerHash(header) };
    }
    if (dataSize === 0) this.#finish();
  }

  #take(piece: Uint8Array): void {
    this.#data -= piece.byteLength;
    if (this.#extension !== undefined) this.#extension.chunks.push(piece.slice());
    else this.#entry?.hash.update(piece);
    if (this.#data === 0) this.#finish();
  }

  #finish(): void {
    if (this.#extension !== undefined) {
      const { typeflag, chunks } = this.#extension;
      const bytes = new Uint8Array(Buffer.concat(chunks));
      if (typeflag === 'x') this.#pending = { ...this.#pending, pax: readPaxRecords(bytes) };
      else if (typeflag === 'L') this.#pending = { ...this.#pending, longName: readLongName(bytes) };
      else if (typeflag === 'K') this.#pending = { ...this.#pending, longLink: readLongName(bytes) };
      this.#extension = undefined;
      return;
    }
    if (this.#entry === undefined) return;
    const { path, hash } = this.#entry;
    this.#files.push({ path, hash: hash.digest('hex') });
    this.#entry = undefined;
  }

  #headerHash(header: TarHeader): Hash {
    const hash = createHash('sha256');
    const { name, mode, uid, gid, size, mtime, typeflag, linkname, uname, gname, devmajor, devminor, xattrs } = header;
    const hasTime = this.#version === '0';
    const time = hasTime ? `mtime${mtime}` : '';
    hash.update(`name${name}mode${mode}uid${uid}gid${gid}size${size}${time}typeflag${typeflag}`, 'latin1');
    hash.update(`linkname${linkname}uname${uname}gname${gname}devmajor${devmajor}devminor${devminor}`, 'latin1');
    if (!hasTime) for (const key of [...xattrs.keys()].sort()) hash.update(`${key}${xattrs.get(key)}`, 'latin1');
    return hash;
  }
}

/** `./etc/` and `etc` are one path. */
function pathOf(name: ByteText): ByteText {
  return name.replace(/^\.\//, '').replace(/\/$/, '');
}

/**
 * Sorted by hash, but for files of one path: those stand in the order of the archive, in the places that their hashes
 * would have had.
 */
function inOrder(files: readonly FileSum[]): readonly FileSum[] {
  const byHash = files.toSorted((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  const places = new Map<string, FileSum[]>();
  for (const file of files) {
    const same = places.get(file.path);
    if (same === undefined) places.set(file.path, [file]);
    else same.push(file);
  }
  // `files` is in the order of the archive, and so is each list.
  return byHash.map(({ path }) => places.get(path)!.shift()!);
}
