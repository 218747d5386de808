import { randomBytes } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull } from './disk-full.ts';
import { freeBytesOf as freeBytesHere } from './free-bytes.ts';

/** Bytes that a folder keeps for its own way out of a full disk. */
export const reserveBytes: number = 8 * 1024 * 1024;
const pieceBytes = 1024 * 1024;
/** Less than this is too little to write down what a deletion changed. */
const scarceBytes = 1024 * 1024;

/** A file that holds some of the disk, so that something can be deleted once all the rest of it is taken. */
export interface SpaceReserve {
  /** What the file has yet to get back: it is not for content. */
  readonly missingBytes: number;
  /** Runs work that makes room. On a full disk it has the reserve's bytes for what it writes. */
  makingRoom<T>(work: () => Promise<T>): Promise<T>;
  /** Takes the bytes back, unless the disk has too few. */
  fill(): Promise<void>;
}

export interface SpaceReserveOptions {
  readonly folder: string;
  /** @default what the system says */
  readonly freeBytesOf?: ((folder: string) => Promise<number>) | undefined;
}

/** Opens the reserve of a folder. On a full disk it is given up at once, as a start has to write a little. */
export async function openSpaceReserve({
  folder,
  freeBytesOf = freeBytesHere,
}: SpaceReserveOptions): Promise<SpaceReserve> {
  const path = pathIn(folder);
  let isHeld = await hasSpaceReserve(folder);

  const giveUp = async (): Promise<boolean> => {
    const wasThere = await unlink(path).then(
      () => true,
      () => false,
    );
    isHeld = false;
    return wasThere;
  };
  const giveUpIfScarce = async (): Promise<void> => {
    if ((await freeBytesOf(folder)) < scarceBytes) await giveUp();
  };

  const fill = async (leastFree: number): Promise<void> => {
    try {
      isHeld = await hasSpaceReserve(folder);
      if (isHeld || (await freeBytesOf(folder)) < leastFree) return;
      await write(path);
      isHeld = true;
    } catch {
      await giveUp(); // a part of it is no reserve; the next time, then
    }
  };

  await giveUpIfScarce();
  return {
    get missingBytes() {
      return isHeld ? 0 : reserveBytes;
    },
    async makingRoom(work) {
      const wasHeld = isHeld;
      try {
        await giveUpIfScarce();
        return await work();
      } catch (error) {
        // A quota is not seen beforehand.
        if (!isDiskFull(error) || !(await giveUp())) throw error;
        return await work();
      } finally {
        // Where nothing could be deleted, it gets back what it gave.
        if (!isHeld) await fill(wasHeld ? reserveBytes : 2 * reserveBytes);
      }
    },
    fill: () => fill(2 * reserveBytes),
  };
}

/** Whether a folder has bytes that a start can have on a full disk. */
export async function hasSpaceReserve(folder: string): Promise<boolean> {
  return await stat(pathIn(folder)).then(
    ({ size }) => size >= reserveBytes,
    () => false,
  );
}

function pathIn(folder: string): string {
  return join(folder, 'reserve');
}

/** Random bytes: those of a file that can be compressed, or has holes, are not there when they are needed. */
async function write(path: string): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  for (let at = 0; at < reserveBytes; at += pieceBytes) await file.write(randomBytes(pieceBytes), 0, pieceBytes, at);
}
