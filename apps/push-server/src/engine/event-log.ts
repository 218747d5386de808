/** Something that happened to an image, as `docker events` tells it. */
export interface EngineEvent {
  readonly action: 'load' | 'save' | 'push' | 'tag' | 'untag' | 'delete' | 'prune';
  /** An image ID; for `push` the familiar reference, for `prune` nothing. */
  readonly actor: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Canonical names of the repositories that it is about: whoever sees one of them is told. */
  readonly repositories: readonly string[];
  /** Nanoseconds since 1970. */
  readonly timeNano: bigint;
}

/** What has happened lately, and what happens. */
export interface EventLog {
  publish(event: Omit<EngineEvent, 'timeNano'>): void;
  /** The latest events, oldest first. Docker keeps as many. */
  readonly past: readonly EngineEvent[];
  /** Told of each event, until the function it gets back is called. */
  subscribe(listener: (event: EngineEvent) => void): () => void;
  readonly subscribers: number;
}

const kept = 256;

/** Makes an empty {@link EventLog}. */
export function createEventLog(now: () => number = Date.now): EventLog {
  const past: EngineEvent[] = [];
  const listeners = new Set<(event: EngineEvent) => void>();
  let latest = 0n;
  return {
    publish(event) {
      // Each has a time of its own, so that `since` the last one seen repeats and loses none.
      const clock = BigInt(now()) * 1_000_000n;
      latest = clock > latest ? clock : latest + 1n;
      const stamped = { ...event, timeNano: latest };
      past.push(stamped);
      if (past.length > kept) past.shift();
      for (const listener of listeners) listener(stamped);
    },
    past,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get subscribers() {
      return listeners.size;
    },
  };
}
