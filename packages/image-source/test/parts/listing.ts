import { Parser, type ReadEntry } from 'tar';

/** An entry of a tar, as another reader than ours sees it. */
export interface TarMember {
  readonly path: string;
  readonly type: string;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly size: number;
  readonly linkpath: string | undefined;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly bytes: Buffer;
}

/** All entries of a tar, read by node-tar's own parser. */
export function listing(tar: Uint8Array): TarMember[] {
  if (Buffer.from(tar).every((byte) => byte === 0)) return []; // the parser takes an empty tar for none
  const found: TarMember[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      const { path, type, mode, uid, gid, size, linkpath, mtime } = entry;
      const chunks: Buffer[] = [];
      entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => {
        const seconds = (mtime?.getTime() ?? 0) / 1000;
        found.push({ path, type, mode, uid, gid, size, linkpath, mtime: seconds, bytes: Buffer.concat(chunks) });
      });
    },
  });
  parser.end(Buffer.from(tar));
  return found;
}
