import { expect, test } from 'vitest';
import { type HeardDaemon, heardFrom, knownIn, shareOf } from './heard.ts';

const daemon = (name: string, joined: number, seen: number, home = 'one'): HeardDaemon => ({
  ...{ name, home, joined, seen, version: '1.0.0', startedAt: '2026-11-29T08:00:00.000Z' },
});
const at = (redisNow: number, ...daemons: readonly HeardDaemon[]) => ({ daemons, redisNow, hereNow: 1_000_000 });

test('who does not show for too long is gone, and when it was seen is told by the clock of this machine', () => {
  const known = knownIn(at(50_000, daemon('b', 2, 20_000), daemon('a', 1, 19_999)), 30_000);
  expect(known.map(({ name, state, lastSeenAt }) => [name, state, Date.parse(lastSeenAt)])).toEqual([
    ['a', 'gone', 969_999],
    ['b', 'here', 970_000],
  ]);
});

const queued: Readonly<Record<string, number>> = { one: 5, two: 3, left: 7 };
const count = (home?: string): number => (home === undefined ? 15 : (queued[home] ?? 0));

test.each<[string, readonly HeardDaemon[], readonly number[]]>([
  ['one that is alone tells of all', [daemon('a', 1, 100)], [15]],
  ['the one that came first, whatever it is called', [daemon('b', 1, 100), daemon('a', 2, 100)], [15, 0]],
  ['the next one, where the first is gone', [daemon('b', 1, 0), daemon('a', 2, 100)], [15]],
  ['by name, those that came at once', [daemon('b', 1, 100), daemon('a', 1, 100)], [15, 0]],
  [
    'one for each folder, and the first of all where nobody is',
    [daemon('a', 1, 100), daemon('b', 2, 100, 'two'), daemon('c', 3, 100), daemon('d', 4, 0, 'left')],
    [12, 3, 0],
  ],
  ['one in a folder where nothing waits', [daemon('a', 1, 100, 'new'), daemon('b', 2, 100)], [10, 5]],
])('what waits is told once: by %s', (_name, daemons, shares) => {
  const known = knownIn(at(100, ...daemons), 50);
  const here = known.filter(({ state }) => state === 'here');
  expect(here.map((each) => shareOf(known, each, count))).toEqual(shares);
  expect(shares.reduce((sum, share) => sum + share)).toBe(15);
});

test('who has heard of nobody tells of all', () => {
  expect(shareOf([], daemon('a', 1, 100), count)).toBe(15);
});

test.each(['', 'null', '[]', '{}', '{"name":7}', JSON.stringify({ ...daemon('a', 1, 1), seen: 'x' })])(
  '%j is no daemon',
  (text) => {
    expect(heardFrom(text)).toBeUndefined();
  },
);

test('what was written is read', () => {
  const written = daemon('a', 1_795_941_665_867, 1_795_941_665_868);
  expect(heardFrom(JSON.stringify({ ...written, more: 1 }))).toEqual(written);
});
