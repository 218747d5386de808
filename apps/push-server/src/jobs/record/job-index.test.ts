import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFinal, type JobRecord, type JobState } from './job.ts';
import { createJobIndex } from './job-index.ts';
import { positionOf } from './ordered-jobs.ts';

const states: readonly JobState[] = ['queued', 'running', 'pushed', 'failed', 'cancelled'];
const job = (id: number, state: JobState, at: number, isSourceKept = false): JobRecord =>
  ({
    id: `j${id}`,
    state,
    principal: 'p',
    isSourceKept,
    destinations: [],
    options: {},
    source: { kind: 'archive' },
    createdAt: new Date(at).toISOString(),
  }) as unknown as JobRecord;

test('says what reading all jobs would say, whatever happened to them', () => {
  const change = fc.record({
    id: fc.nat(12),
    state: fc.constantFrom(...states),
    at: fc.nat(5),
    isKept: fc.boolean(),
    kind: fc.constantFrom('note', 'note', 'note', 'forget', 'replace'),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.nat(8), (changes, keep) => {
      const index = createJobIndex();
      const jobs = new Map<string, JobRecord>();
      for (const { id, state, at, kind, isKept } of changes) {
        const now = job(id, state, at, isKept && state === 'failed');
        if (kind === 'forget') {
          index.forget(`j${id}`);
          jobs.delete(`j${id}`);
        } else if (kind === 'replace') index.replace([...jobs.values()]);
        else {
          index.note(now);
          jobs.set(`j${id}`, now);
        }
      }
      const newest = [...jobs.values()].sort((a, b) => (positionOf(a) < positionOf(b) ? 1 : -1));
      expect([...index.newest()].map(positionOf)).toEqual(newest.map(positionOf));
      for (const state of states) {
        expect(index.count(state)).toBe(newest.filter((each) => each.state === state).length);
      }
      const groups = { queued: ['queued'], running: ['running'], ended: ['pushed', 'failed', 'cancelled'] } as const;
      for (const [group, own] of Object.entries(groups)) {
        const of = newest.filter(({ state }) => (own as readonly JobState[]).includes(state)).map(positionOf);
        expect([...index.newestOf(group as keyof typeof groups)].map(positionOf)).toEqual(of);
        expect([...index.oldestOf(group as keyof typeof groups)].map(positionOf)).toEqual(of.toReversed());
      }
      const holding = newest.filter(({ state, isSourceKept }) => !isFinal(state) || isSourceKept === true);
      expect([...index.holding()].map(positionOf).toSorted()).toEqual(holding.map(positionOf).toSorted());
      const [, second] = newest;
      if (second !== undefined) {
        expect([...index.newest(positionOf(second))].map(({ id }) => id)).toEqual(newest.slice(2).map(({ id }) => id));
      }
      const ended = newest.filter(({ state }) => isFinal(state));
      const beyond = (isKept: boolean): string[] =>
        ended
          .filter(({ isSourceKept = false }) => isSourceKept === isKept)
          .slice(keep)
          .map(({ id }) => id);
      expect(index.endedBeyond(keep, keep)).toEqual([...beyond(false).reverse(), ...beyond(true).reverse()]);
      expect(index.unfinishedOf('p')).toBe(newest.length - ended.length);
      expect(index.unfinishedOf('q')).toBe(0);
    }),
  );
});

test('whoever goes through the list while it changes misses nobody who stays, and meets nobody twice', () => {
  const index = createJobIndex();
  for (let at = 0; at < 6; at += 1) index.note(job(at, 'pushed', at));
  const met: string[] = [];
  for (const { id } of index.newest()) {
    met.push(id);
    if (id !== 'j4') continue;
    index.note(job(9, 'queued', 9)); // newer than all
    index.forget('j5');
    index.forget('j4');
    index.forget('j1');
    index.note(job(3, 'failed', 3));
  }
  expect(met).toEqual(['j5', 'j4', 'j3', 'j2', 'j0']);
  const oldest: string[] = [];
  for (const { id } of index.oldestOf('ended')) {
    oldest.push(id);
    if (id === 'j2') index.forget('j0');
  }
  expect(oldest).toEqual(['j0', 'j2', 'j3']);
});
