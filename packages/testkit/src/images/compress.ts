import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import type { Compression, Content, OpenOptions } from '@slipway/digest';
import { toolPath } from '../tools/find-tool.ts';
import { writeStream } from './tar-format.ts';

/** A compressor of the kind that other tools use: one gzip stream, one zstd frame; undefined for none. */
export function compressorFor(compression: Compression): Transform | undefined {
  if (compression === 'none') return undefined;
  if (compression === 'gzip') return zlib.createGzip({ level: 6 });
  // Node has zstd from 22.15 on; before, the program does it.
  if (typeof zlib.createZstdCompress === 'function') return zlib.createZstdCompress();
  const child = spawn(toolPath('zstd'), ['-q', '-c', '-T1'], { stdio: ['pipe', 'pipe', 'inherit'] });
  return Duplex.from({ writable: child.stdin, readable: child.stdout }) as Transform;
}

/** The content compressed into a new file of the folder; as it is where there is nothing to compress. */
export async function compressInto(folder: string, content: Content, compression: Compression): Promise<Content> {
  const through = compressorFor(compression);
  if (through === undefined) return content;
  const path = join(folder, randomUUID());
  await writeStream(path, content.open(), through);
  return await fileContent(path);
}

/** A file's bytes. */
export async function fileContent(path: string): Promise<Content> {
  const { size } = await stat(path);
  return {
    size,
    async *open({ from = 0, signal }: OpenOptions = {}) {
      signal?.throwIfAborted();
      if (from < size) yield* createReadStream(path, { start: from, highWaterMark: 256 * 1024, signal });
    },
  };
}
