import type { LockEntry, LockFolder } from './lock-folder.ts';
import type { LockSystem } from './lock-system.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** A lock that has not been renewed for so long is abandoned, whatever became of its owner in the meantime. */
const longAgoMs = 60 * 60 * 1000;

/**
 * Time between two looks counts for no more: whoever was stopped together with the owner has to give it time to wake.
 */
const maxStepMs = 1_000;

interface Sight {
  readonly stamp: string;
  readonly atMs: number;
  /** How long the lock was seen without being renewed. */
  readonly unrenewedMs: number;
}

export interface OwnerWatchOptions {
  readonly folder: LockFolder;
  readonly system: LockSystem;
  readonly self: ProcessIdentity;
  /** Name for a probe beside the lock. */
  readonly token: string;
  readonly staleMs: number;
}

/**
 * Tells which owners of a lock are dead. Those that can be looked up are: they run or they do not. Of the others it is
 * waited whether they renew the lock, by the clock of this process alone: the time of a file may come from another
 * machine, so it is only compared with other times of the same file system.
 */
export class OwnerWatch {
  readonly #options: OwnerWatchOptions;
  readonly #sights = new Map<string, Sight>();

  constructor(options: OwnerWatchOptions) {
    this.#options = options;
  }

  async isDead(entry: LockEntry): Promise<boolean> {
    const state = await this.#stateOf(entry);
    if (state !== 'unknown') return state === 'ended';
    const { system, staleMs } = this.#options;
    const before = this.#sights.get(entry.path);
    const atMs = system.now();
    if (before === undefined && (await this.#isFromLongAgo(entry))) return true;
    const isSame = before?.stamp === entry.stamp;
    const unrenewedMs = isSame ? before.unrenewedMs + Math.min(atMs - before.atMs, maxStepMs) : 0;
    this.#sights.set(entry.path, { stamp: entry.stamp, atMs, unrenewedMs });
    return unrenewedMs >= staleMs;
  }

  /** Whether an owner that can be looked up has ended. */
  async hasEnded(entry: LockEntry): Promise<boolean> {
    return (await this.#stateOf(entry)) === 'ended';
  }

  async #stateOf({ owner }: LockEntry): Promise<'running' | 'ended' | 'unknown'> {
    const { system, self } = this.#options;
    return owner === undefined ? 'unknown' : await system.stateOf(owner, self);
  }

  async #isFromLongAgo({ mtimeMs }: LockEntry): Promise<boolean> {
    const { folder, token } = this.#options;
    const now = await folder.now(token);
    return now !== undefined && now - mtimeMs > longAgoMs;
  }
}
