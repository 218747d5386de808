import { expect, test } from 'vitest';
import { EndedJobs } from './ended-jobs.ts';

/** `a1 a2 b1`: whose, and when. */
function beyond(keep: number, jobs: string): string {
  const ended = new EndedJobs();
  for (const id of jobs.split(' ').filter(Boolean)) ended.set({ id, principal: id.charAt(0), createdAt: id.slice(1) });
  return ended.beyond(keep).join(' ');
}

test.each([
  ['nobody has any', 0, '', ''],
  ['all may stay', 5, 'a1 a2 b3', ''],
  ['one has them all: the oldest go', 2, 'a3 a1 a4 a2', 'a1 a2'],
  ['whoever has few keeps them, however old they are', 4, 'b1 a2 a3 a4 a5 a6', 'a2 a3'],
  ['two have the same', 4, 'a1 b2 a3 b4 a5 b6', 'a1 b2'],
  ['what is left over is somebody’s', 5, 'a1 b2 a3 b4 a5 b6', 'b2'],
  ['more principals than may stay', 2, 'a1 b1 c1', 'c1'],
  ['nothing may stay', 0, 'a1 b2', 'a1 b2'],
])('%s', (_name, keep, jobs, gone) => {
  expect(beyond(keep, jobs)).toBe(gone);
});

test('who leaves is forgotten', () => {
  const ended = new EndedJobs();
  const job = { id: 'a1', principal: 'a', createdAt: '1' };
  ended.set(job);
  ended.set({ ...job, id: 'a2' });
  ended.delete(job);
  expect(ended.beyond(0)).toEqual(['a2']);
  ended.clear();
  expect(ended.beyond(0)).toEqual([]);
});
