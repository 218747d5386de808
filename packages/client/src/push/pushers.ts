import { createGzipCompressor, createZstdCompressor, isZstdAvailable } from '@slipway/digest';
import { createPusher, type Pusher, type PusherOptions } from '@slipway/push';
import type { CompressionSettings, PushSettings } from './push-request.ts';

/** Pushers that differ in how they compress, and share everything else. */
export interface Pushers {
  pusherFor(settings: CompressionSettings & Pick<PushSettings, 'compression'>): Pusher;
}

/** Makes each pusher once: what it finds out about registries is worth keeping. */
export function createPushers(parts: Omit<PusherOptions, 'gzip' | 'zstd'>): Pushers {
  const made = new Map<string, Pusher>();
  return {
    pusherFor({ compression, compressionLevel: level, compressor }) {
      const kinds: readonly string[] = [compression ?? 'keep'].flat();
      const [isOnlyZstd, isZstd] = [kinds.every((kind) => kind === 'zstd'), kinds.includes('zstd')];
      const name = `${isOnlyZstd} ${isZstd} ${level} ${compressor}`;
      const pusher =
        made.get(name) ??
        createPusher({
          ...parts,
          gzip: createGzipCompressor(isOnlyZstd ? {} : { level, compressor }),
          zstd: isZstdAvailable() ? createZstdCompressor(isZstd ? { level } : {}) : undefined,
        });
      made.set(name, pusher);
      return pusher;
    },
  };
}
