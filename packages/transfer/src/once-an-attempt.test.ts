import { expect, test } from 'vitest';
import { tellRetries } from './once-an-attempt.ts';

test('each wait is told once, with how long it is and why', () => {
  const told: string[] = [];
  const tell = tellRetries('r.example/app', (message) => told.push(message));
  const cause = new Error('GET https://r.example/v2/ answered 503');
  for (const [attempt, seconds] of [
    [1, 5],
    [1, 4],
    [1, 3],
    [2, 10],
    [2, 9],
    [1, 5],
  ] as const) {
    tell({ attempt, seconds, cause });
  }
  expect(told).toEqual(
    [1, 2, 1].map((attempt) => `r.example/app: retry ${attempt} in ${attempt * 5} s: ${cause.message}`),
  );
});
