/** Who a daemon is to the others. */
export interface DaemonEntry {
  readonly name: string;
  /** The data folder that it works in. */
  readonly home: string;
  readonly version: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

/** A daemon as it is known here. */
export interface KnownDaemon extends DaemonEntry {
  /** `gone`: it does not show, and has not said that it leaves. */
  readonly state: 'here' | 'gone';
  /** RFC 3339, by this machine's clock. */
  readonly lastSeenAt: string;
}

/** The daemons that share jobs, as far as they show. Leaving scope leaves it, in order. */
export interface DaemonRoster extends AsyncDisposable {
  /** Shows this daemon to the others, from now on. */
  join(entry: DaemonEntry): Promise<void>;
  /** All that are known, the one that was here first standing first. Asks nobody. */
  list(): readonly KnownDaemon[];
  /**
   * What this daemon has to tell of something that is counted by data folder, so that the sum over all daemons is true.
   *
   * @param count of one folder; of all, without one
   */
  share(count: (home?: string) => number): number;
}

/** The roster of a daemon that is alone. */
export function createLocalRoster(now: () => number = Date.now): DaemonRoster {
  let own: DaemonEntry | undefined;
  return {
    async join(entry) {
      own = entry;
    },
    list: () => (own === undefined ? [] : [{ ...own, state: 'here', lastSeenAt: new Date(now()).toISOString() }]),
    share: (count) => count(),
    async [Symbol.asyncDispose]() {},
  };
}
