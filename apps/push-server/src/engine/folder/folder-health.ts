import { utimes } from 'node:fs/promises';
import type { Logger } from 'pino';
import { RequestError } from '../../errors.ts';

/** The data folder does not answer: its disk or its network hangs. */
export class FolderHangs extends RequestError {
  override name = 'FolderHangs';

  constructor() {
    super(503, 'the data folder does not answer: its disk or its network hangs');
  }
}

export interface FolderWait {
  /** How much longer than others the work may take once the folder hangs, and each time that it is alive. @default 0 */
  readonly patienceMs?: (() => number) | undefined;
  /** Whether the work came forward since this was last asked: then it does without the folder. @default never */
  readonly isAlive?: (() => boolean) | undefined;
}

/** Whether the data folder answers, and how long people wait to hear that it does not. */
export interface FolderHealth extends Disposable {
  readonly isUp: boolean;
  /** @throws {FolderHangs} */
  assertUp(): void;
  /**
   * Waits for work that uses the folder, and looks after the folder when that takes long. The work itself goes on.
   *
   * @throws {FolderHangs}
   */
  inTime<T>(work: Promise<T>, wait?: FolderWait): Promise<T>;
  /**
   * Begins work that uses the folder, unless the folder hangs, and waits for it as {@link inTime} does. `onGivenUp`
   * gets the work that nobody waits for any more: it may yet come to an end.
   *
   * @throws {FolderHangs}
   */
  ask<T>(work: () => Promise<T>, onGivenUp?: (working: Promise<T>) => void): Promise<T>;
  /** Disposes of a resource in the folder. Where the folder hangs, the resource stays. */
  closing(resource: AsyncDisposable): AsyncDisposable;
}

export interface FolderHealthOptions {
  readonly folder: string;
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Work that takes longer is a reason to look. @default 300 */
  readonly lookAfterMs?: number | undefined;
  /** How long the folder may take to answer. @default 1000 */
  readonly timeoutMs?: number | undefined;
  /** Changes something in the folder, as a disk may hang for those who write only. @default the folder's time */
  readonly touch?: ((folder: string) => Promise<unknown>) | undefined;
}

/**
 * Watches a data folder while somebody waits for it. A request to a folder that hangs takes one of Node's few threads
 * until the folder answers again. So there is one look at a time, and `ask` begins nothing while the folder hangs.
 */
export function watchFolder({
  folder,
  log,
  lookAfterMs = 300,
  timeoutMs = 1_000,
  touch = async (path) => await utimes(path, new Date(), new Date()),
}: FolderHealthOptions): FolderHealth {
  let isUp = true;
  let isLooking = false;
  let timer: NodeJS.Timeout | undefined;
  const waiting = new Set<(isUp: boolean) => void>();

  const set = (value: boolean): void => {
    if (isUp === value) return;
    isUp = value;
    if (value) log.info('the data folder answers again');
    else log.error('the data folder does not answer: what needs it is refused');
    for (const tell of [...waiting]) tell(value);
  };
  const look = (): void => {
    if (isLooking) return;
    isLooking = true;
    const answered = (): void => {
      isLooking = false;
      clearTimeout(timer);
      set(true);
    };
    touch(folder).then(answered, answered); // one that fails is not one that hangs
    // What has come while this process was held up is not late.
    timer = setTimeout(() => setImmediate(() => isLooking && set(false)), timeoutMs);
    timer.unref();
  };

  const health: FolderHealth = {
    get isUp() {
      return isUp;
    },
    assertUp() {
      if (!isUp) throw new FolderHangs();
    },
    async inTime(work, { patienceMs = () => 0, isAlive = () => false } = {}) {
      work.catch(() => {}); // may yet fail, when nobody listens any more
      let patience: NodeJS.Timeout | undefined;
      let tell = (_isUp: boolean): void => {};
      const hangs = new Promise<never>((_resolve, reject) => {
        const giveUp = (): void => {
          if (isAlive()) patience = setTimeout(giveUp, patienceMs());
          else reject(new FolderHangs());
        };
        tell = (up) => {
          clearTimeout(patience);
          if (!up) patience = setTimeout(giveUp, patienceMs());
        };
        if (!isUp) patience = setTimeout(giveUp, lookAfterMs + patienceMs());
      });
      waiting.add(tell);
      const looking = setInterval(look, lookAfterMs);
      try {
        return await Promise.race([work, hangs]);
      } finally {
        clearInterval(looking);
        clearTimeout(patience);
        waiting.delete(tell);
      }
    },
    async ask(work, onGivenUp = () => {}) {
      health.assertUp();
      const working = work();
      try {
        return await health.inTime(working);
      } catch (error) {
        if (error instanceof FolderHangs) onGivenUp(working);
        throw error;
      }
    },
    closing: (resource) => ({
      async [Symbol.asyncDispose]() {
        await health.inTime(Promise.resolve(resource[Symbol.asyncDispose]())).catch((error: unknown) => {
          if (!(error instanceof FolderHangs)) throw error;
        });
      },
    }),
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
  return health;
}
