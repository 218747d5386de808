import { AsyncLocalStorage } from 'node:async_hooks';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteStream } from '@slipway/digest';
import { type ImageSource, sourceLimitDefaults } from '@slipway/image-source';
import type { AdmissionRequest, ImageStore } from '@slipway/image-store';
import type { Logger } from 'pino';
import { humanSize } from '../../docker/stream/human-size.ts';
import { RequestError } from '../../errors.ts';
import { freeBytesOf } from './free-bytes.ts';
import type { SpaceReserve } from './space-reserve.ts';

/** Part of the quota that compressed layers may take; images have the rest. */
const layerShare = 0.25;

/** Bytes that kept layers may take. */
export function layerCacheBytes(diskQuota: number): number | undefined {
  return diskQuota === 0 ? undefined : Math.floor(diskQuota * layerShare);
}

/** What is on its way to the disk. Leaving scope gives up the claim: by then it lies there, or is gone. */
export interface SpaceClaim extends Disposable {
  /**
   * Opens what came, which may be written unpacked besides.
   *
   * @throws {RequestError} 507 when there is less room for that than it needs
   */
  open(open: (limits: { readonly maxSpoolBytes: number }) => Promise<ImageSource>): Promise<ImageSource>;
  /** Passes a body through, and claims room for it as it comes. @throws {RequestError} 507 */
  metered(body: ByteStream): ByteStream;
  /** Runs what stores it: its own bytes do not count twice then. */
  store<T>(work: () => Promise<T>): Promise<T>;
}

/** Keeps what the daemon writes within its quota, and the disk from running full. */
export interface DiskKeeper extends AsyncDisposable {
  /**
   * Claims room for a body.
   *
   * @param name what a refusal calls it
   * @param bytes what it is known to have
   * @param place where it goes: into a spool, which only the claim knows of, or among the archives, which are counted
   * there
   * @throws {RequestError} 507
   */
  claim(name: string, bytes: number, place: 'spool' | 'archive'): Promise<SpaceClaim>;
  /** Whether so many bytes may be stored; room is made if it can. @throws {RequestError} 507 */
  admit(request: AdmissionRequest): Promise<void>;
  /** Everything that counts against the quota. */
  usedBytes(): Promise<number>;
  /** Of the quota, what is for images, archives and spools; undefined when there is none. */
  readonly roomBytes: number | undefined;
}

export interface DiskKeeperOptions {
  /** Known only once it is open, which itself asks {@link DiskKeeper.admit}. */
  readonly store: () => Pick<ImageStore, 'diskUsage' | 'collectGarbage' | 'list' | 'delete'>;
  readonly dataDir: string;
  readonly diskQuota: number;
  /** Bytes that have to stay free on the disk. */
  readonly minFree: number;
  /** Has its bytes before anything else. */
  readonly reserve: Pick<SpaceReserve, 'missingBytes' | 'fill'>;
  readonly intervalMs: number;
  readonly log: Logger;
}

/** Bytes of a body after which it is looked at the room once more. */
const stepBytes = 4 * 1024 * 1024;
/** Beyond this part of the room, the garbage collection deletes images without a name. */
const highWater = 0.8;

/** Starts to keep the disk tidy. */
export function startDiskKeeper({
  store,
  dataDir,
  diskQuota,
  minFree,
  reserve,
  intervalMs,
  log,
}: DiskKeeperOptions): DiskKeeper {
  const room = diskQuota === 0 ? undefined : Math.floor(diskQuota * (1 - layerShare));
  let claimed = 0;
  const current = new AsyncLocalStorage<{ readonly bytes: number }>();
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work).catch((error: unknown) => log.error({ err: error }, 'the garbage could not be collected'));
    return last;
  };
  const collect = async (graceMs?: number): Promise<void> => {
    const { deleted, freedBytes } = await store().collectGarbage(graceMs === undefined ? {} : { graceMs });
    if (deleted.length > 0) log.info({ blobs: deleted.length, bytes: freedBytes }, 'garbage collected');
  };
  const usedBytes = async (): Promise<number> =>
    (await store().diskUsage()).bytes + (await bytesIn(join(dataDir, 'jobs', 'archives'))) + claimed;
  const freeBytes = async (): Promise<number> => (await freeBytesOf(dataDir)) - minFree - reserve.missingBytes;

  /** What making room would free. */
  const removableBytes = async (): Promise<number> => {
    const images = await store().list();
    const unnamed = images.filter(({ tags, digests }) => tags.length + digests.length === 0);
    return (await store().diskUsage()).reclaimableBytes + unnamed.reduce((sum, { size }) => sum + size, 0);
  };

  /** Unneeded blobs go first, then images without a name, the oldest first. */
  const makeRoom = (isEnough: () => Promise<boolean>): Promise<void> =>
    inTurn(async () => {
      if (await isEnough()) return;
      await collect(0);
      const unnamed = (await store().list()).filter(({ tags, digests }) => tags.length + digests.length === 0);
      for (const { id } of unnamed.toReversed()) {
        if (await isEnough()) return;
        await store().delete(id);
        await collect(0);
        log.info({ image: id }, 'an image without a name was deleted to make room');
      }
    });

  /** @param own what of the used bytes is there for this very thing, and goes once it is stored */
  const assertRoom = async (name: string, bytes: number, own = 0): Promise<void> => {
    const fits = async (): Promise<boolean> => room === undefined || (await usedBytes()) - own + bytes <= room;
    const isFree = async (): Promise<boolean> => (await freeBytes()) >= bytes - own;
    if (!(await fits()) || !(await isFree())) await makeRoom(async () => (await fits()) && (await isFree()));
    if (room !== undefined && !(await fits())) {
      const taken = `${humanSize((await usedBytes()) - own)} of ${humanSize(room)} are taken`;
      throw new RequestError(507, `no space left for ${name}: it has ${humanSize(bytes)}, and ${taken}`);
    }
    if (!(await isFree())) {
      const floor = humanSize(minFree + reserve.missingBytes);
      throw new RequestError(507, `no space left for ${name}: less than ${floor} would be free on the disk`);
    }
  };

  const tidy = async (): Promise<void> => {
    await collect();
    await reserve.fill();
    const limit = room;
    if (limit === undefined || (await usedBytes()) <= limit * highWater) return;
    void makeRoom(async () => (await usedBytes()) <= limit * highWater);
  };
  const timer = setInterval(() => void inTurn(tidy), intervalMs);
  timer.unref();

  return {
    roomBytes: room,
    usedBytes,
    admit: ({ name, bytes }) => assertRoom(name, bytes, current.getStore()?.bytes),
    async claim(name, bytes, place) {
      await assertRoom(name, bytes);
      const left = room === undefined ? Number.MAX_SAFE_INTEGER : room - (await usedBytes()) + (await removableBytes());
      const maxSpoolBytes = Math.max(1, Math.min(left, await freeBytes(), sourceLimitDefaults.maxSpoolBytes));
      const own = { bytes: 0 };
      return {
        async open(open) {
          try {
            return await open({ maxSpoolBytes });
          } catch (cause) {
            // The limit is the room that is left, and says nothing of the archive.
            if (!isTooLarge(cause) || maxSpoolBytes === sourceLimitDefaults.maxSpoolBytes) throw cause;
            const text = `no space left for ${name}: it has more than the ${humanSize(maxSpoolBytes)} that are left`;
            throw new RequestError(507, text, { cause });
          }
        },
        async *metered(body) {
          let unchecked = 0;
          for await (const chunk of body) {
            own.bytes += chunk.byteLength;
            if (place === 'spool') claimed += chunk.byteLength;
            unchecked += chunk.byteLength;
            if (unchecked >= stepBytes) {
              await assertRoom(name, own.bytes, own.bytes);
              unchecked = 0;
            }
            yield chunk;
          }
          await assertRoom(name, own.bytes, own.bytes);
        },
        store: (work) => current.run(own, work),
        [Symbol.dispose]() {
          if (place === 'spool') claimed -= own.bytes;
          own.bytes = 0;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
    },
  };
}

function isTooLarge(error: unknown): boolean {
  return (
    error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'ERR_COMPRESSION_TOO_LARGE'
  );
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}
