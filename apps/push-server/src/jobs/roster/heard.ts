import type { DaemonEntry, KnownDaemon } from './daemon-roster.ts';

/** A daemon as it stands in Redis. Times are milliseconds by the clock of Redis, which all have in common. */
export interface HeardDaemon extends DaemonEntry {
  readonly joined: number;
  readonly seen: number;
}

/** What is known at one moment. */
export interface Hearing {
  readonly daemons: readonly HeardDaemon[];
  /** The moment by the clock of Redis, and by that of this machine. */
  readonly redisNow: number;
  readonly hereNow: number;
}

/** The daemons in the order in which they came. */
export function knownIn({ daemons, redisNow, hereNow }: Hearing, goneMs: number): readonly KnownDaemon[] {
  return [...daemons].sort(byJoining).map(({ name, home, version, startedAt, seen }) => ({
    ...{ name, home, version, startedAt },
    state: redisNow - seen > goneMs ? 'gone' : 'here',
    lastSeenAt: new Date(hereNow - (redisNow - seen)).toISOString(),
  }));
}

/**
 * What a daemon tells of something that is counted by data folder: each folder is told by the daemon of it that came
 * first, and those where no daemon is by the first of all. Who came later never tells for one that is here, so nothing
 * is told twice when one comes; when one has died, what it told is missing until it is gone.
 *
 * @param count of one folder; of all, without one
 */
export function shareOf(
  known: readonly KnownDaemon[],
  { name, home }: Pick<DaemonEntry, 'name' | 'home'>,
  count: (home?: string) => number,
): number {
  const here = known.filter(({ state }) => state === 'here');
  const isFirst = (first: KnownDaemon | undefined): boolean => first === undefined || first.name === name;
  const own = isFirst(here.find((each) => each.home === home)) ? count(home) : 0;
  if (!isFirst(here[0])) return own;
  const homes = new Set([home, ...here.map((each) => each.home)]);
  return own + count() - [...homes].reduce((sum, each) => sum + count(each), 0);
}

/** @returns undefined for what no daemon of ours has written */
export function heardFrom(text: string): HeardDaemon | undefined {
  try {
    const { name, home, version, startedAt, joined, seen } = JSON.parse(text) as Record<string, unknown>;
    const texts = [name, home, version, startedAt];
    const isFit = texts.every((each) => typeof each === 'string' && each.length < 512);
    if (!isFit || !Number.isFinite(joined) || !Number.isFinite(seen)) return undefined;
    return { name, home, version, startedAt, joined, seen } as HeardDaemon;
  } catch {
    return undefined;
  }
}

function byJoining(a: HeardDaemon, b: HeardDaemon): number {
  return a.joined - b.joined || (a.name < b.name ? -1 : 1);
}
