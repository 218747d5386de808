import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFinal, type JobRecord, type JobState } from './job.ts';
import { createJobIndex, positionOf } from './job-index.ts';

const states: readonly JobState[] = ['queued', 'running', 'pushed', 'failed', 'cancelled'];
const job = (id: number, state: JobState, at: number): JobRecord =>
  ({
    id: `j${id}`,
    state,
    principal: 'p',
    destinations: [],
    source: { kind: 'archive' },
    createdAt: new Date(at).toISOString(),
  }) as unknown as JobRecord;

test('says what reading all jobs would say, whatever happened to them', () => {
  const change = fc.record({
    id: fc.nat(12),
    state: fc.constantFrom(...states),
    at: fc.nat(5),
    kind: fc.constantFrom('note', 'note', 'note', 'forget', 'replace'),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.nat(8), (changes, keep) => {
      const index = createJobIndex();
      const jobs = new Map<string, JobRecord>();
      for (const { id, state, at, kind } of changes) {
        if (kind === 'forget') {
          index.forget(`j${id}`);
          jobs.delete(`j${id}`);
        } else if (kind === 'replace') index.replace([...jobs.values()]);
        else {
          index.note(job(id, state, at));
          jobs.set(`j${id}`, job(id, state, at));
        }
      }
      const newest = [...jobs.values()].sort((a, b) => (positionOf(a) < positionOf(b) ? 1 : -1));
      expect([...index.newest()].map(positionOf)).toEqual(newest.map(positionOf));
      for (const state of states) {
        expect(index.count(state)).toBe(newest.filter((each) => each.state === state).length);
      }
      const [, second] = newest;
      if (second !== undefined) {
        expect([...index.newest(positionOf(second))].map(({ id }) => id)).toEqual(newest.slice(2).map(({ id }) => id));
      }
      const ended = newest.filter(({ state }) => isFinal(state)).slice(keep);
      expect(index.endedBeyond(keep)).toEqual(ended.reverse().map(({ id }) => id));
    }),
  );
});
