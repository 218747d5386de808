import { digestBytes } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FellBehind, type Following } from '../form-bytes.ts';
import { RunningHash } from '../running-hash.ts';
import { RecentBytes } from './recent-bytes.ts';
import { RecentMemory } from './recent-memory.ts';

const written = 0xee;

/** What is made, piece by piece, in memory that is written over when it is given back. */
class Maker {
  readonly hash = new RunningHash('sha256', 500);
  readonly memory: RecentMemory;
  readonly recent: RecentBytes;
  /** All of it. */
  readonly made: number[] = [];
  /** Pieces that are not given back. */
  lent = 0;

  constructor(bytes: number) {
    this.memory = new RecentMemory(bytes);
    this.recent = new RecentBytes(this.hash, this.memory);
  }

  make(size: number): void {
    const bytes = Uint8Array.from({ length: size }, (_, at) => (this.made.length + at) % 199);
    this.made.push(...bytes);
    this.hash.update(bytes);
    this.lent += 1;
    let isGivenBack = false;
    const giveBack = (): void => {
      expect(isGivenBack).toBe(false);
      isGivenBack = true;
      this.lent -= 1;
      bytes.fill(written);
    };
    this.recent.add({ bytes, giveBack });
  }

  /** A hash of what was made up to there. */
  hashTo(position: number): RunningHash {
    const hash = new RunningHash();
    hash.update(Uint8Array.from(this.made.slice(0, position)));
    return hash;
  }
}

/** Takes the next `most` bytes, as far as they are there. */
async function take(reader: Following, most = Number.POSITIVE_INFINITY): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < most) {
    const piece = await reader.next({ signal: AbortSignal.timeout(5) }).catch((error: unknown) => {
      if (error instanceof DOMException) return undefined; // nothing is there
      throw error;
    });
    if (piece === undefined) return taken;
    const part = piece.subarray(0, most - taken.length);
    reader.advance(part.byteLength);
    taken.push(...part);
  }
  return taken;
}

describe('RecentBytes', () => {
  test('gives several readers all that is made, without a copy, and the memory back when all have had it', async () => {
    const maker = new Maker(10_000);
    const one = maker.recent.follow() as Following;
    const two = maker.recent.follow() as Following;
    for (let i = 0; i < 5; i += 1) maker.make(100);
    expect(await take(one)).toEqual(maker.made);
    expect(maker.lent).toBe(5);
    expect(await take(two, 150)).toEqual(maker.made.slice(0, 150));
    expect(maker.lent).toBe(4);
    maker.recent.end();
    expect(await one.next({})).toBeUndefined();
    expect(await take(two)).toEqual(maker.made.slice(150));
    expect(await two.next({})).toBeUndefined();
    expect(maker.lent).toBe(0);
  });

  test('keeps nothing where nobody follows', () => {
    const maker = new Maker(10_000);
    for (let i = 0; i < 50; i += 1) maker.make(100);
    expect(maker.lent).toBe(1);
    maker.recent.end();
    expect(maker.lent).toBe(0);
  });

  test('leaves a reader behind for whom there is no memory, and no other', async () => {
    const maker = new Maker(1000);
    const slow = maker.recent.follow() as Following;
    const quick = maker.recent.follow() as Following;
    for (let i = 0; i < 20; i += 1) {
      maker.make(100);
      expect(await take(quick)).toHaveLength(100);
    }
    await expect(slow.next({})).rejects.toThrow(FellBehind);
    expect(maker.lent).toBe(1);
    expect(slow.hash?.().position).toBe(0);
  });

  test('leaves half of the memory to other layers', () => {
    const memory = new RecentMemory(1000);
    let taken = 0;
    while (memory.take(10, taken)) taken += 10;
    expect(taken).toBe(500);
    expect(memory.take(10, 0)).toBe(true);
    memory.giveBack(10);
    expect(memory.take(10, taken)).toBe(false);
  });

  test('what a reader has in hand is not written over, also when it has fallen behind', async () => {
    const maker = new Maker(300);
    const reader = maker.recent.follow() as Following;
    maker.make(100);
    const inHand = await reader.next({});
    for (let i = 0; i < 20; i += 1) maker.make(100);
    expect(inHand).not.toContain(written);
    reader.advance(100);
    await expect(reader.next({})).rejects.toThrow(FellBehind);
    expect(inHand?.every((byte) => byte === written)).toBe(true);
    expect(reader.hash?.().position).toBe(0); // the last mark before
  });

  test('takes a reader up that has caught up, if it has read what was made', async () => {
    const maker = new Maker(1000);
    for (let i = 0; i < 5; i += 1) maker.make(100);
    expect(maker.recent.follow()).toBeUndefined();
    expect(maker.recent.follow(maker.hashTo(450))).toBeUndefined();
    expect(maker.recent.follow(maker.hashTo(500))).toBeUndefined(); // from here on it is known
    maker.make(100);
    const wrong = maker.hashTo(599);
    wrong.update(Uint8Array.of(1));
    expect(maker.recent.follow(wrong)).toBeUndefined();
    const atEnd = maker.recent.follow(maker.hashTo(600)) as Following;
    maker.make(100);
    const atStart = maker.recent.follow(maker.hashTo(600)) as Following;
    maker.make(100);
    for (const reader of [atEnd, atStart]) {
      expect(reader.position).toBe(600);
      expect(await take(reader)).toEqual(maker.made.slice(600));
      expect(reader.hash?.().digest()).toBe(digestBytes(Uint8Array.from(maker.made)));
    }
  });

  test.each([
    ['the end', (maker: Maker) => maker.recent.end(), undefined],
    ['a failure', (maker: Maker) => maker.recent.fail(new Error('no more')), 'no more'],
  ])('%s wakes who waits, and takes nobody up any more', async (_, settle, message) => {
    const maker = new Maker(1000);
    const reader = maker.recent.follow() as Following;
    maker.make(10);
    expect(await take(reader)).toHaveLength(10);
    const next = reader.next({});
    settle(maker);
    if (message === undefined) expect(await next).toBeUndefined();
    else await expect(next).rejects.toThrow(message);
    expect(maker.lent).toBe(0);
    expect(maker.recent.follow(maker.hashTo(10))).toBeUndefined();
  });

  test('whatever the paces, a reader has every byte once and in order, and memory stays bounded', async () => {
    const step = fc.record({
      made: fc.integer({ min: 1, max: 300 }),
      taken: fc.array(fc.nat(700), { minLength: 3, maxLength: 3 }),
      leaves: fc.constantFrom(undefined, undefined, undefined, 0, 1, 2),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.integer({ min: 0, max: 3000 }), async (steps, bytes) => {
        const maker = new Maker(bytes);
        const readers = [0, 1, 2].map(() => ({ following: maker.recent.follow(), position: 0 }));
        for (const { made, taken, leaves } of steps) {
          maker.make(made);
          for (const [i, reader] of readers.entries()) {
            if (reader.following === undefined) {
              // Reads elsewhere, up to the end, and tries again.
              reader.position = maker.made.length;
              reader.following = maker.recent.follow(maker.hashTo(reader.position));
            }
            if (reader.following === undefined) continue;
            const most = Math.min(taken[i] as number, maker.made.length - reader.position);
            try {
              const got = await take(reader.following, most);
              expect(got).toEqual(maker.made.slice(reader.position, reader.position + got.length));
              reader.position += got.length;
            } catch (error) {
              expect(error).toBeInstanceOf(FellBehind);
              expect(reader.following.hash?.().position).toBeLessThanOrEqual(reader.following.position);
              reader.following = undefined;
              continue;
            }
            if (leaves !== i) continue;
            reader.following.leave();
            reader.following = undefined;
          }
        }
        maker.recent.end();
        for (const { following } of readers) following?.leave();
        expect(maker.lent).toBe(0);
        expect(bytes < 1 || maker.memory.take(Math.floor(bytes), 0)).toBe(true); // all of it is free again
      }),
      { numRuns: 60 },
    );
  });
});
