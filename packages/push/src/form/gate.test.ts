import { expect, test } from 'vitest';
import { Gate } from './gate.ts';

function job() {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

function passing(gate: Gate, count: number) {
  const jobs = Array.from({ length: count }, job);
  const started: number[] = [];
  const controllers = jobs.map(() => new AbortController());
  const results = jobs.map(({ ended }, at) =>
    gate.pass(
      async () => {
        started.push(at);
        await ended;
        return at;
      },
      { signal: controllers[at]?.signal },
    ),
  );
  for (const result of results) result.catch(() => {});
  return { jobs, started, controllers, results };
}

test('lets so many in as there are places, then one for each that leaves, in order', async () => {
  const { jobs, started, results } = passing(new Gate(2), 4);
  await settle();
  expect(started).toEqual([0, 1]);
  jobs[1]?.end();
  await settle();
  expect(started).toEqual([0, 1, 2]);
  for (const { end } of jobs) end();
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3]);
  expect(started).toEqual([0, 1, 2, 3]);
});

test('whoever gives up while waiting takes no place', async () => {
  const { jobs, started, controllers, results } = passing(new Gate(1), 3);
  await settle();
  controllers[1]?.abort(new Error('enough'));
  await expect(results[1]).rejects.toThrow('enough');
  jobs[0]?.end();
  await settle();
  expect(started).toEqual([0, 2]);
});

test('whoever gives up as its turn comes hands it on', async () => {
  const { jobs, started, controllers, results } = passing(new Gate(1), 3);
  await settle();
  jobs[0]?.end();
  await results[0];
  controllers[1]?.abort(new Error('enough'));
  jobs[1]?.end();
  jobs[2]?.end();
  expect(await results[2]).toBe(2);
  expect(started[0]).toBe(0);
});

test('work that fails leaves its place', async () => {
  const gate = new Gate(1);
  await expect(gate.pass(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.pass(() => Promise.resolve('next'))).toBe('next');
});
