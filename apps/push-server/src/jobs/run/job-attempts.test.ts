import type { Digest } from '@slipway/digest';
import { expect, test } from 'vitest';
import type { JobRecord } from '../record/job.ts';
import {
  afterCrash,
  afterLostLease,
  begun,
  givenBack,
  maxDeaths,
  notAlone,
  waitMsOf,
  withProgress,
} from './job-attempts.ts';

const queued: JobRecord = {
  id: 'a',
  state: 'queued',
  source: { kind: 'image', name: 'a', hold: 'h', content: { id: `sha256:${'0'.repeat(64)}` as Digest } },
  options: {},
  destinations: [],
  principal: 'local',
  createdAt: '2026-01-01T00:00:00Z',
  attempts: 0,
  isCancelRequested: false,
  requestHash: '',
  home: 'here',
};

function run(job: JobRecord, token: string, isAlone: boolean): JobRecord {
  const startedAt = '2026-01-01T00:00:00Z';
  return begun(job, { run: { token, startedAt, isAlone, hasProgress: false }, daemon: 'd' });
}

test('only runs that were alone and brought nothing forward count against a job', () => {
  let job = afterCrash(run(queued, 'beside', false));
  expect(job).toMatchObject({ state: 'queued', attempts: 1, crashes: 1, deaths: [] });
  for (let at = 0; at < maxDeaths; at += 1) job = afterCrash(run(job, `alone-${at}`, true));
  expect(job).toMatchObject({ crashes: 1 + maxDeaths, deaths: { length: maxDeaths } });
});

test('a run that was alone at first, and no more when the daemon ended, does not count', () => {
  expect(afterCrash(notAlone(run(queued, 'x', true), 'x')).deaths).toEqual([]);
  expect(afterCrash(notAlone(run(queued, 'x', true), 'other')).deaths).toEqual(['x']);
});

test('progress forgives what was before', () => {
  const twice = afterCrash(run(afterCrash(run(queued, 'a', true)), 'b', true));
  expect(twice.deaths).toEqual(['a', 'b']);
  const after = afterCrash(withProgress(run(twice, 'c', true), 'c'));
  expect(after).toMatchObject({ crashes: 1, deaths: [] });
});

test('neither an orderly end nor a lost lease is an attempt', () => {
  expect(givenBack(run(queued, 'a', false), { token: 'a', destinations: [] })).toMatchObject({
    state: 'queued',
    attempts: 0,
  });
  const taken = run(afterCrash(run(queued, 'a', true)), 'b', true);
  expect(afterLostLease(taken, 'a')).toMatchObject({ state: 'running', attempts: 1, crashes: 0, deaths: [] });
  const notBegunElsewhere = afterLostLease(run(queued, 'a', false), 'a');
  expect([notBegunElsewhere.state, notBegunElsewhere.attempts, notBegunElsewhere.run]).toEqual([
    'queued',
    0,
    undefined,
  ]);
  const ended = { ...run(queued, 'a', false), state: 'pushed' } as const;
  expect(afterLostLease(ended, 'a')).toBe(ended);
});

test('a job that another daemon works on, or that has ended, is not begun', () => {
  const running = run(queued, 'a', false);
  expect(run(running, 'b', false)).toBe(running);
  const ended = { ...queued, state: 'failed' } as const;
  expect(run(ended, 'b', false)).toBe(ended);
});

test('each crash in a row makes the wait longer, up to a minute', () => {
  const waits = [0, 1, 2, 3, 4, 50].map((crashes) => waitMsOf({ crashes }));
  expect(waits).toEqual([0, 0, 1_000, 3_000, 7_000, 59_000]);
});
