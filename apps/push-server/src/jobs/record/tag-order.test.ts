import { expect, test } from 'vitest';
import type { JobRecord } from './job.ts';
import { type TaggingJob, TagOrder, tagsToMove } from './tag-order.ts';

const job = (id: string, tags: readonly string[], home = 'here', reached: readonly string[] = []): TaggingJob => ({
  ...{ id, home, tags, reached, createdAt: `2026-01-01T00:00:0${id}Z` },
});

test.each<[string, TaggingJob, TaggingJob, string | undefined]>([
  ['the same tag', job('1', ['r/app:latest']), job('2', ['r/app:2', 'r/app:latest']), '1'],
  ['one that was submitted later', job('3', ['r/app:latest']), job('2', ['r/app:latest']), undefined],
  ['another tag', job('1', ['r/app:1']), job('2', ['r/app:2']), undefined],
  ['another repository with a like name', job('1', ['r/app:1']), job('2', ['r/app/sub:1']), undefined],
  ['a registry with a port', job('1', ['r:5000/app:1']), job('2', ['r:5000/app:1']), '1'],
  ['another port', job('1', ['r:5000/app:1']), job('2', ['r:5001/app:1']), undefined],
  ['all tags of the repository', job('1', ['r:5000/app']), job('2', ['r:5000/app:1']), '1'],
  [
    'all tags, of which this one is reached',
    job('1', ['r/app'], 'here', ['r/app:1']),
    job('2', ['r/app:1']),
    undefined,
  ],
  ['all tags, of which another is', job('1', ['r/app'], 'here', ['r/app:2']), job('2', ['r/app:1']), '1'],
  ['one tag, for all of them', job('1', ['r:5000/app:1']), job('2', ['r:5000/app']), '1'],
  ['all tags twice', job('1', ['r/app']), job('2', ['r/app']), '1'],
  ['all tags of two repositories', job('1', ['r/app']), job('2', ['r/other']), undefined],
  ['another data folder', job('1', ['r/app:1'], 'there'), job('2', ['r/app:1']), undefined],
  ['nothing left', job('1', []), job('2', ['r/app:1']), undefined],
])('%s', (_name, other, asked, before) => {
  const order = new TagOrder();
  for (const each of [asked, other]) order.set(each);
  expect(order.before(asked)).toBe(before);
  order.delete(other);
  expect(order.before(asked)).toBeUndefined();
});

test('a job moves what is pending, until it has ended; a dry run moves nothing', () => {
  const destinations = [
    { reference: 'r/a:1', state: 'pushed' },
    { reference: 'r/b:1', state: 'pending' },
  ];
  const record = (state: string, options = {}): JobRecord => ({ state, options, destinations }) as never;
  expect(tagsToMove(record('queued'))).toEqual({ tags: ['r/b:1'], reached: [] });
  const all = { ...record('running'), repositories: ['r/b'] };
  expect(tagsToMove(all)).toEqual({ tags: ['r/b:1'], reached: ['r/a:1'] });
  for (const none of [record('cancelled'), record('running', { dryRun: true })]) {
    expect(tagsToMove(none)).toEqual({ tags: [], reached: [] });
  }
});
