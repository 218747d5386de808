import { expect, test } from 'vitest';
import { createIssuerKeys, IssuerAwayError } from './issuer-keys.ts';

const unknown = new Error('unknown key');
const isUnknown = (error: unknown): boolean => error === unknown;
const minute = 60_000;

/** An issuer whose set is the number of times that it was asked; it fails while `isAway`. */
function issuer() {
  const state = { now: 0, fetched: 0, failures: 0, isAway: false };
  const keys = createIssuerKeys({
    now: () => state.now,
    onFailure() {
      state.failures += 1;
    },
    async fetch() {
      state.fetched += 1;
      if (state.isAway) throw new Error('away');
      return { keys: [{ kid: String(state.fetched) }] };
    },
  });
  /** What a token finds that is signed with a key of this id. */
  const find = (kid?: string): Promise<unknown> =>
    keys
      .use(async (set) => {
        if (kid !== undefined && !set.keys.some((key) => key.kid === kid)) throw unknown;
        return set.keys[0]?.kid;
      }, isUnknown)
      .catch((error: unknown) => error);
  return { state, find };
}

test('keys are asked for when they are first needed, by however many, and kept', async () => {
  const { state, find } = issuer();
  expect(await Promise.all([find(), find(), find()])).toEqual(['1', '1', '1']);
  state.now = 9 * minute;
  expect([await find(), state.fetched]).toEqual(['1', 1]);
});

test('old keys go on to count while they are asked for anew, and for an hour while the issuer is away', async () => {
  const { state, find } = issuer();
  await find();
  state.now = 11 * minute;
  expect([await find(), state.fetched]).toEqual(['1', 2]);
  await Promise.resolve();
  expect(await find()).toBe('2');
  state.isAway = true;
  state.now = 70 * minute;
  expect(await find()).toBe('2');
  state.now = 72 * minute;
  expect(await find()).toBeInstanceOf(IssuerAwayError);
});

test('a key that is new is found at once, and keys that nobody knows cost one question in half a minute', async () => {
  const { state, find } = issuer();
  await find();
  state.now = minute;
  expect([await find('2'), state.fetched]).toEqual(['2', 2]);
  for (let at = 0; at < 50; at += 1) expect(await find('none')).toBe(unknown);
  expect(state.fetched).toBe(2);
  state.now += 31_000;
  expect([await find('none'), state.fetched]).toEqual([unknown, 3]);
});

test('an issuer that failed is left alone for a moment, and asked again after it', async () => {
  const { state, find } = issuer();
  state.isAway = true;
  for (let at = 0; at < 20; at += 1) expect(await find()).toBeInstanceOf(IssuerAwayError);
  expect([state.fetched, state.failures]).toEqual([1, 1]);
  state.isAway = false;
  state.now = 6_000;
  expect(await find()).toBe('2');
});
