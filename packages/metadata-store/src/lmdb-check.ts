import { type FileHandle, open } from 'node:fs/promises';

/** LMDB 1.0 files, as lmdb-js writes them: header of each page, then its content. All numbers little-endian. */
const metaMagic = 0xbeefc0de;
const formatVersion = 2;
const headerSize = 24;
const noPage = 0xffff_ffff_ffff_ffffn;
/** Kinds of pages, in the lowest four bits of a page's flags. */
const kinds = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const bigValue = 0x01;

/** Pages looked at, at most. A store so large is one for which the check would cost more than the store saves. */
const maxPages = 16_384;

interface Meta {
  readonly pageSize: number;
  /** Roots of the tree of free pages and of the tree of values. */
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * Says what is wrong with the data file of an LMDB store, or undefined when nothing is. LMDB trusts its file: a damaged
 * one ends the process with a segmentation fault, which no `catch` catches, so this has to be known before it is opened.
 */
export async function findLmdbDamage(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  await using _file = file;
  if ((await file.stat()).size === 0) return undefined; // LMDB makes a new store of it
  for (;;) {
    const meta = await readMeta(file);
    if (typeof meta === 'string') return meta;
    const damage = await findTreeDamage(file, meta);
    if (damage === undefined) return undefined;
    // Another process is writing, and may have reused the pages that were being looked at: look again.
    const now = await readMeta(file);
    if (typeof now === 'string' || now.transaction === meta.transaction) return damage;
  }
}

/** The newer of the two meta pages. */
async function readMeta(file: FileHandle): Promise<Meta | string> {
  const first = parseMeta(await readAt(file, 0, 256));
  if (first === undefined) return 'the file does not begin with an LMDB meta page';
  const second = parseMeta(await readAt(file, first.pageSize, 256));
  if (second === undefined) return 'the second meta page is not one of LMDB';
  const newest = second.transaction > first.transaction ? second : first;
  const { size } = await file.stat(); // after the meta pages: the file only grows
  if (BigInt(size) < (newest.lastPage + 1n) * BigInt(first.pageSize)) return 'the file is truncated';
  return newest;
}

function parseMeta(page: Buffer): Meta | undefined {
  if (page.byteLength < 160) return undefined;
  const isMeta = kindOf(page) === kinds.meta && page.readUInt32LE(24) === metaMagic;
  if (!isMeta || page.readUInt32LE(28) !== formatVersion) return undefined;
  const pageSize = page.readUInt32LE(48);
  const isPowerOfTwo = (pageSize & (pageSize - 1)) === 0;
  if (!isPowerOfTwo || pageSize < 512 || pageSize > 65_536) return undefined;
  const roots = [page.readBigUInt64LE(88), page.readBigUInt64LE(136)];
  return { pageSize, roots, lastPage: page.readBigUInt64LE(144), transaction: page.readBigUInt64LE(152) };
}

/** Walks both trees: every page must be where it says it is, of a kind that can be there, with its nodes inside it. */
async function findTreeDamage(file: FileHandle, { pageSize, roots, lastPage }: Meta): Promise<string | undefined> {
  const pending = roots.filter((root) => root !== noPage).map((number) => ({ number, isValue: false }));
  for (let seen = 0; seen < maxPages; seen += 1) {
    const next = pending.pop();
    if (next === undefined) return undefined;
    if (next.number < 2n || next.number > lastPage) return `page ${next.number} is out of bounds`;
    const page = await readAt(file, Number(next.number) * pageSize, pageSize);
    const found = next.isValue ? checkValuePage(page, next.number, lastPage) : childrenOf(page, next.number);
    if (found === undefined) return `page ${next.number} is damaged`;
    pending.push(...found);
  }
  return undefined;
}

interface PageReference {
  readonly number: bigint;
  /** The first page of a value that is too long for a leaf. */
  readonly isValue: boolean;
}

function checkValuePage(page: Buffer, number: bigint, lastPage: bigint): readonly PageReference[] | undefined {
  if (page.byteLength < headerSize || page.readBigUInt64LE(0) !== number) return undefined;
  if (kindOf(page) !== kinds.overflow) return undefined;
  const count = BigInt(page.readUInt32LE(20));
  return count > 0n && number + count - 1n <= lastPage ? [] : undefined;
}

/** What a tree's page points at; undefined if the page is damaged. */
function childrenOf(page: Buffer, number: bigint): readonly PageReference[] | undefined {
  if (page.byteLength < headerSize || page.readBigUInt64LE(0) !== number) return undefined;
  const kind = kindOf(page);
  if (kind !== kinds.branch && kind !== kinds.leaf) return undefined;
  // Positions within a page count from the end of its header.
  const lower = headerSize + page.readUInt16LE(20);
  const upper = headerSize + page.readUInt16LE(22);
  if (lower > upper || upper > page.byteLength || lower % 2 !== 0) return undefined;

  const children: PageReference[] = [];
  for (let position = headerSize; position < lower; position += 2) {
    const node = headerSize + page.readUInt16LE(position);
    if (node < upper || node + 8 > page.byteLength) return undefined;
    const low = page.readUInt16LE(node);
    const high = page.readUInt16LE(node + 2);
    const flags = page.readUInt16LE(node + 4);
    const keySize = page.readUInt16LE(node + 6);
    const value = node + 8 + keySize;
    if (kind === kinds.branch) {
      if (value > page.byteLength) return undefined;
      children.push({ number: BigInt(low) | (BigInt(high) << 16n) | (BigInt(flags) << 32n), isValue: false });
    } else if ((flags & bigValue) !== 0) {
      if (value + 8 > page.byteLength) return undefined;
      children.push({ number: page.readBigUInt64LE(value), isValue: true });
    } else if (value + low + high * 65_536 > page.byteLength) {
      return undefined;
    }
  }
  return children;
}

function kindOf(page: Buffer): number {
  return page.readUInt16LE(18) & 0x0f;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
