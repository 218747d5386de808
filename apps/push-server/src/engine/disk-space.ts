import type { AdmissionRequest, ImageStore } from '@slipway/image-store';
import type { Logger } from 'pino';
import { humanSize } from '../docker/human-size.ts';
import { RequestError } from '../errors.ts';

/** Part of the quota that compressed layers may take; images have the rest. */
const layerShare = 0.25;

/** Bytes that kept layers may take. */
export function layerCacheBytes(diskQuota: number): number | undefined {
  return diskQuota === 0 ? undefined : Math.floor(diskQuota * layerShare);
}

/** Refuses a load that would not fit. Asked before anything is written. */
export function admitWithin(diskQuota: number): (request: AdmissionRequest) => void {
  return ({ name, bytes, usedBytes }) => {
    if (diskQuota === 0) return;
    const room = Math.floor(diskQuota * (1 - layerShare));
    if (usedBytes + bytes <= room) return;
    throw new RequestError(
      507,
      `no space left for ${name}: it has ${humanSize(bytes)}, and ${humanSize(usedBytes)} of ${humanSize(room)} are taken`,
    );
  };
}

/** Collects garbage from time to time, and makes room when the quota gets tight. */
export interface DiskKeeper extends AsyncDisposable {
  /** Makes room for so many bytes if it can: unneeded blobs first, then images without a name, the oldest first. */
  makeRoom(bytes: number): Promise<void>;
}

export interface DiskKeeperOptions {
  readonly store: ImageStore;
  readonly diskQuota: number;
  readonly intervalMs: number;
  readonly log: Logger;
}

/** Starts to keep the disk tidy. */
export function startDiskKeeper({ store, diskQuota, intervalMs, log }: DiskKeeperOptions): DiskKeeper {
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work).catch((error: unknown) => log.error({ err: error }, 'the garbage could not be collected'));
    return last;
  };
  const collect = async (graceMs?: number): Promise<void> => {
    const { deleted, freedBytes } = await store.collectGarbage(graceMs === undefined ? {} : { graceMs });
    if (deleted.length > 0) log.info({ blobs: deleted.length, bytes: freedBytes }, 'garbage collected');
  };
  const timer = setInterval(() => void inTurn(() => collect()), Math.max(1_000, intervalMs));
  timer.unref();
  return {
    makeRoom: (bytes) =>
      inTurn(async () => {
        if (diskQuota === 0) return;
        const room = Math.floor(diskQuota * (1 - layerShare)) - bytes;
        if ((await store.diskUsage()).bytes <= room) return;
        await collect(0);
        const unnamed = (await store.list()).filter(({ tags, digests }) => tags.length + digests.length === 0);
        for (const { id } of unnamed.toReversed()) {
          if ((await store.diskUsage()).bytes <= room) return;
          await store.delete(id);
          await collect(0);
          log.info({ image: id }, 'an image without a name was deleted to make room');
        }
      }),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
    },
  };
}
