import { randomUUID } from 'node:crypto';
import { aDuration, aFunction, aSignal, assertArgument, assertOptions, aText, kind } from '@slipway/arguments';
import { FileLockError } from './errors.ts';
import { type LockEntry, LockFolder } from './lock-folder.ts';
import { type LockSystem, lockSystem } from './lock-system.ts';
import { OwnerWatch } from './owner-watch.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** How long to wait for a lock, and when one counts as abandoned. */
export interface FileLockOptions {
  /** How long to wait for others, in milliseconds; 0 tries once. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /**
   * How long an owner that cannot be looked up from here (another machine, another container) may leave its lock
   * unrenewed before it counts as dead, in milliseconds. All users of a lock need the same. @default 10000
   */
  readonly staleMs?: number | undefined;
  /** Ends the waiting; it does not release a lock that is held. */
  readonly signal?: AbortSignal | undefined;
}

/** A lock that is held until it is disposed, and renewed until then. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
  /** Aborts with `ERR_LOCK_LOST` when it turns out that another process has taken the lock. */
  readonly signal: AbortSignal;
  /**
   * Asks the disk whether the lock is still held. Call it right before what must not be done twice: a process that was
   * stopped (Ctrl-Z, a paused container) may have lost it without having noticed.
   *
   * @throws {FileLockError} `ERR_LOCK_LOST`
   */
  assertHeld(): Promise<void>;
}

const defaults = { timeoutMs: 10_000, staleMs: 10_000 } as const;

/** Renewals within the time after which a lock counts as abandoned. */
const renewalsUntilStale = 4;

const maxDelayMs = 25;

/** Timers of more count as none. */
const maxRenewMs = 2 ** 31 - 1;

const aboveZero = kind('a number above 0', (value) => typeof value === 'number' && value > 0);

/**
 * Takes the lock at `path`, whose folder must exist. One that a dead process left behind is taken over.
 *
 * @throws {FileLockError} `ERR_LOCK_TIMEOUT` when others hold it for longer than `timeoutMs`; `ERR_LOCK_UNAVAILABLE`
 * @throws the reason of `signal`
 * @example
 * await using lock = await acquireFileLock('/var/lib/app/lock');
 */
export async function acquireFileLock(path: string, options: FileLockOptions = {}): Promise<FileLock> {
  assertArgument('path', path, aText);
  assertOptions('options', options, { optional: { timeoutMs: aDuration, staleMs: aboveZero, signal: aSignal } });
  return await acquireOn(lockSystem, path, options);
}

/**
 * Runs `work` while this process, and within it this call, alone holds the lock at `path`.
 *
 * @throws as {@link acquireFileLock}, and whatever `work` throws
 */
export async function withFileLock<T>(
  path: string,
  options: FileLockOptions,
  work: (lock: FileLock) => Promise<T>,
): Promise<T> {
  assertArgument('work', work, aFunction);
  await using lock = await acquireFileLock(path, options);
  return await work(lock);
}

/** {@link acquireFileLock} on a given system. */
export async function acquireOn(system: LockSystem, path: string, options: FileLockOptions): Promise<FileLock> {
  const { timeoutMs = defaults.timeoutMs, staleMs = defaults.staleMs, signal } = options;
  const token = randomUUID();
  const folder = new LockFolder(path);
  const self = system.self();
  const watch = new OwnerWatch({ folder, system, self, token, staleMs });
  const start = system.now();
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted();
    const { living, evicted } = await evictDead(folder, watch);
    if (living.length === 0 && (await folder.enter(token, self))) {
      if (evicted > 0) await folder.clearDrafts((entry) => watch.hasEnded(entry));
      return new HeldLock({ folder, token, self, system, renewMs: Math.min(staleMs / renewalsUntilStale, maxRenewMs) });
    }
    const waitedMs = system.now() - start;
    if (waitedMs >= timeoutMs) throw timeoutError(path, waitedMs, living);
    await sleep(system, Math.min(2 ** attempt, maxDelayMs) * (0.5 + Math.random()), signal);
  }
}

/** Removes what dead owners left, and tells who is left. */
async function evictDead(
  folder: LockFolder,
  watch: OwnerWatch,
): Promise<{ readonly living: readonly LockEntry[]; readonly evicted: number }> {
  const living: LockEntry[] = [];
  let evicted = 0;
  for (const entry of await folder.entries()) {
    if (await watch.isDead(entry)) {
      await folder.evict(entry);
      evicted += 1;
    } else {
      living.push(entry);
    }
  }
  return { living, evicted };
}

async function sleep(system: LockSystem, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await system.sleep(delayMs, signal);
  } catch (error) {
    signal?.throwIfAborted(); // with the caller's own reason
    throw error;
  }
}

function timeoutError(path: string, waitedMs: number, living: readonly LockEntry[]): FileLockError {
  const owner = living.find((entry) => entry.owner !== undefined)?.owner;
  const who = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.host || 'another machine'}`;
  return new FileLockError('ERR_LOCK_TIMEOUT', `Waited ${Math.round(waitedMs)} ms for ${path}, which ${who} holds`);
}

interface HeldLockOptions {
  readonly folder: LockFolder;
  readonly token: string;
  readonly self: ProcessIdentity;
  readonly system: LockSystem;
  readonly renewMs: number;
}

class HeldLock implements FileLock {
  readonly #options: HeldLockOptions;
  readonly #lost = new AbortController();
  readonly #stopRenewing: () => void;
  #released: Promise<void> | undefined;

  constructor(options: HeldLockOptions) {
    this.#options = options;
    this.#stopRenewing = options.system.every(options.renewMs, () => void this.#renew());
  }

  get path(): string {
    return this.#options.folder.path;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async assertHeld(): Promise<void> {
    const { folder, token } = this.#options;
    if (!(await folder.isHeldBy(token))) this.#lose();
    this.signal.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#released ??= this.#release();
    await this.#released;
  }

  async #release(): Promise<void> {
    this.#stopRenewing();
    await this.#options.folder.leave(this.#options.token);
  }

  async #renew(): Promise<void> {
    const { folder, token, self } = this.#options;
    const isHeld = await folder.renew(token, self);
    if (!isHeld && this.#released === undefined) this.#lose();
  }

  #lose(): void {
    this.#stopRenewing();
    const message = `The lock ${this.path} was not renewed in time, and another process has taken it`;
    this.#lost.abort(new FileLockError('ERR_LOCK_LOST', message));
  }
}
