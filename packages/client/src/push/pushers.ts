import {
  createEstargzCompressor,
  createGzipCompressor,
  createZstdChunkedCompressor,
  createZstdCompressor,
  isZstdAvailable,
} from '@slipway/digest';
import { createPusher, type Pusher, type PusherOptions } from '@slipway/push';
import type { CompressionSettings, PushSettings } from './push-request.ts';

/** Pushers that differ in how they compress, and share everything else. */
export interface Pushers {
  pusherFor(settings: CompressionSettings & Pick<PushSettings, 'compression'>): Pusher;
}

export interface PushersOptions extends Omit<PusherOptions, 'gzip' | 'zstd' | 'zstdChunked' | 'estargz'> {
  /** Effort of gzip where a push chooses none. @default that of `@slipway/digest` */
  readonly gzipLevel?: number | undefined;
}

/** Makes each pusher once: what it finds out about registries is worth keeping. */
export function createPushers({ gzipLevel, ...parts }: PushersOptions): Pushers {
  const made = new Map<string, Pusher>();
  return {
    pusherFor({ compression, compressionLevel: level, compressor }) {
      const kinds: readonly string[] = [compression ?? 'keep'].flat();
      const isZstd = (kind: string): boolean => kind === 'zstd' || kind === 'zstd:chunked';
      const ofGzip = (kinds.every(isZstd) ? undefined : level) ?? gzipLevel;
      const name = `${kinds.join(',')} ${level} ${compressor}`;
      const pusher =
        made.get(name) ??
        createPusher({
          ...parts,
          gzip: createGzipCompressor({ level: ofGzip, compressor: kinds.every(isZstd) ? undefined : compressor }),
          zstd: isZstdAvailable() ? createZstdCompressor(kinds.some(isZstd) ? { level } : {}) : undefined,
          zstdChunked: kinds.includes('zstd:chunked') ? createZstdChunkedCompressor({ level }) : undefined,
          estargz: kinds.includes('estargz') ? createEstargzCompressor({ level: ofGzip }) : undefined,
        });
      made.set(name, pusher);
      return pusher;
    },
  };
}
