import { RequestError } from '../errors.ts';

/** A kind of work that is counted, limited, and waited for at shutdown. */
export type WorkKind = 'push' | 'load' | 'job' | 'save';

/** One piece of work. Leaving scope ends it. */
export interface Work extends Disposable {
  /** Aborts when the daemon cannot wait any longer. */
  readonly signal: AbortSignal;
}

/** All work that is under way. */
export interface Activity {
  /**
   * Begins a piece of work in somebody's name. One principal may have three quarters of what there may be at once.
   *
   * @throws {RequestError} 503 when there is too much of this kind already, or the daemon is closing
   */
  begin(kind: WorkKind, principal?: string): Work;
  running(kind: WorkKind): number;
  readonly isClosing: boolean;
  /**
   * Told once the daemon begins to close: for readers who would stay for ever. What it returns takes the listener back.
   */
  onClosing(listener: () => void): () => void;
  /** Lets nothing begin any more, waits so long for what runs, then aborts it and waits a while for its end. */
  close(graceMs: number, abortGraceMs?: number): Promise<void>;
}

/** What of a limit one principal may have. */
export const principalShare = 0.75;
/** How long aborted work may take to let go, unless somebody says otherwise. */
const defaultAbortGraceMs = 10_000;

/** Makes an empty {@link Activity}. A kind without a limit has none. */
export function createActivity(limits: Partial<Readonly<Record<WorkKind, number>>>): Activity {
  const counts = new Map<WorkKind, number>();
  const byPrincipal = new Map<string, number>();
  const running = new Set<AbortController>();
  const listeners = new Set<() => void>();
  let isClosing = false;
  const waiting = new Set<() => void>();

  const idle = (timeoutMs: number): Promise<boolean> => {
    if (running.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const wake = (): void => end(true);
      const end = (isIdle: boolean): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve(isIdle);
      };
      const timer = setTimeout(() => end(false), timeoutMs);
      waiting.add(wake);
    });
  };

  return {
    begin(kind, principal = '') {
      const own = `${kind} ${principal}`;
      const count = counts.get(kind) ?? 0;
      if (isClosing) throw new RequestError(503, 'the daemon is shutting down');
      const limit = limits[kind];
      if (limit !== undefined && count >= limit) {
        throw new RequestError(503, `too many at once: ${count} of ${limit} (${kind})`);
      }
      const share = limit === undefined ? undefined : Math.ceil(limit * principalShare);
      if (share !== undefined && (byPrincipal.get(own) ?? 0) >= share) {
        throw new RequestError(503, `too many at once of one client: ${share} of ${limit} (${kind})`);
      }
      counts.set(kind, count + 1);
      byPrincipal.set(own, (byPrincipal.get(own) ?? 0) + 1);
      const controller = new AbortController();
      running.add(controller);
      return {
        signal: controller.signal,
        [Symbol.dispose]() {
          if (!running.delete(controller)) return;
          counts.set(kind, (counts.get(kind) ?? 1) - 1);
          const left = (byPrincipal.get(own) ?? 1) - 1;
          if (left === 0) byPrincipal.delete(own);
          else byPrincipal.set(own, left);
          if (running.size === 0) for (const wake of [...waiting]) wake();
        },
      };
    },
    running: (kind) => counts.get(kind) ?? 0,
    get isClosing() {
      return isClosing;
    },
    onClosing(listener) {
      listeners.add(listener);
      if (isClosing) queueMicrotask(() => listeners.has(listener) && listener());
      return () => void listeners.delete(listener);
    },
    async close(graceMs, abortGraceMs = defaultAbortGraceMs) {
      isClosing = true;
      for (const listener of listeners) listener();
      if (await idle(graceMs)) return;
      for (const controller of running) controller.abort(new Error('the daemon is shutting down'));
      await idle(abortGraceMs);
    },
  };
}
