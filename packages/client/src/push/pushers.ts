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

/** Makes each pusher once: what it finds out about registries is worth keeping. */
export function createPushers(parts: Omit<PusherOptions, 'gzip' | 'zstd' | 'zstdChunked' | 'estargz'>): Pushers {
  const made = new Map<string, Pusher>();
  return {
    pusherFor({ compression, compressionLevel: level, compressor }) {
      const kinds: readonly string[] = [compression ?? 'keep'].flat();
      const isZstd = (kind: string): boolean => kind === 'zstd' || kind === 'zstd:chunked';
      const name = `${kinds.join(',')} ${level} ${compressor}`;
      const pusher =
        made.get(name) ??
        createPusher({
          ...parts,
          gzip: createGzipCompressor(kinds.every(isZstd) ? {} : { level, compressor }),
          zstd: isZstdAvailable() ? createZstdCompressor(kinds.some(isZstd) ? { level } : {}) : undefined,
          zstdChunked: kinds.includes('zstd:chunked') ? createZstdChunkedCompressor({ level }) : undefined,
          estargz: kinds.includes('estargz') ? createEstargzCompressor({ level }) : undefined,
        });
      made.set(name, pusher);
      return pusher;
    },
  };
}
