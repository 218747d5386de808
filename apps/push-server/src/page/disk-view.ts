import type { EngineContext } from '../engine/engine-context.ts';
import { freeBytesOf } from '../engine/folder/free-bytes.ts';

/** The disk of a daemon, in bytes. */
export interface DiskView {
  readonly usedBytes: number;
  /** 0 for none. */
  readonly quotaBytes: number;
  readonly freeBytes: number;
}

/** Summing up a store takes a while: it is done as rarely as that. */
const lookMs = 5_000;

/**
 * Tells the disk as it was at the last look, and looks anew when that is long ago; undefined before the first look is
 * over. A disk that hangs is told as it was.
 */
export function createDiskView({ config, disk }: Pick<EngineContext, 'config' | 'disk'>): () => DiskView | undefined {
  let seen: DiskView | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  const look = async (): Promise<void> => {
    isLooking = true;
    try {
      const [usedBytes, freeBytes] = await Promise.all([disk.usedBytes(), freeBytesOf(config.dataDir)]);
      seen = { usedBytes, quotaBytes: config.diskQuota, freeBytes };
    } catch {
      // /readyz tells what is wrong with it
    } finally {
      isLooking = false;
      lookedAt = performance.now();
    }
  };
  return () => {
    if (!isLooking && performance.now() - lookedAt >= lookMs) void look();
    return seen;
  };
}
