import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Moved } from '../form-bytes.ts';
import { Handover } from './handover.ts';

const MiB = 1024 * 1024;

/** Whether a promise has settled by now. */
async function isSettled(work: Promise<unknown>): Promise<boolean> {
  let settled = false;
  work.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
  return settled;
}

describe('Handover', () => {
  test('hands every byte over once, in order, however much is taken at a time, with rests and hurry', async () => {
    const steps = fc.array(fc.record({ most: fc.integer({ min: 1, max: 400 }), rests: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 12 }),
        steps,
        fc.option(fc.nat(3000), { nil: undefined }),
        async (sizes, taking, hurryAt) => {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const handover = new Handover();
          const reader = handover.take();
          if (reader === undefined) throw new Error('nobody has it');
          const made = (async () => {
            const room = new Uint8Array(500); // written over, as a maker does it
            let at = 0;
            for (const size of sizes) {
              for (let i = 0; i < size; i += 1) room[i] = (at + i) % 251;
              at += size;
              await handover.give(room.subarray(0, size));
              room.fill(0xee);
            }
            handover.end();
          })();
          for (let step = 0; ; step += 1) {
            const { most, rests } = taking[step % taking.length] as { most: number; rests: boolean };
            if (hurryAt !== undefined && reader.position >= hurryAt) handover.hurry();
            const piece = await reader.next({});
            if (piece === undefined) break;
            const part = piece.subarray(0, most);
            const { position } = reader;
            reader.advance(part.byteLength);
            if (hurryAt !== undefined && position > hurryAt / 2) handover.hurry();
            await Promise.resolve();
            expect(part.every((value, at) => value === (position + at) % 251)).toBe(true);
            if (rests) reader.pause();
          }
          expect(reader.position).toBe(total);
          await made;
        },
      ),
    );
  });

  test('the maker waits until a piece is used up, and no longer than the reader stays', async () => {
    const handover = new Handover();
    const first = handover.give(new Uint8Array(10));
    expect(await isSettled(first)).toBe(false); // nobody has come yet
    const reader = handover.take();
    await reader?.next({});
    reader?.advance(9);
    expect(await isSettled(first)).toBe(false);
    reader?.pause();
    expect(await isSettled(first)).toBe(false);
    await reader?.next({});
    reader?.advance(1);
    expect(await isSettled(first)).toBe(false); // the reader still works on it
    reader?.pause();
    await first;
    const second = handover.give(new Uint8Array(10));
    reader?.leave();
    await second;
    await handover.give(new Uint8Array(10));
  });

  test('has one reader, who is there before bytes have gone by', async () => {
    const handover = new Handover();
    expect(handover.take()).toBeDefined();
    expect(handover.take()).toBeUndefined();
    const late = new Handover();
    late.leave();
    await late.give(new Uint8Array(1));
    expect(late.take()).toBeUndefined();
  });

  test('a maker in a hurry waits for what the reader works on, and for nothing else', async () => {
    const handover = new Handover();
    const reader = handover.take();
    const piece = new Uint8Array(10).fill(1);
    const given = handover.give(piece);
    await reader?.next({});
    reader?.advance(4);
    handover.hurry();
    handover.hurry();
    expect(await isSettled(given)).toBe(false);
    reader?.pause();
    await given;
    piece.fill(2); // what is left of it was copied
    await handover.give(new Uint8Array(5).fill(3));
    expect(await reader?.next({})).toEqual(new Uint8Array(6).fill(1));
    reader?.advance(6);
    expect(await reader?.next({})).toEqual(new Uint8Array(5).fill(3));
    reader?.advance(5);
    handover.end();
    expect(await reader?.next({})).toBeUndefined();
    expect(reader?.position).toBe(15);
  });

  test('a reader that falls behind a maker in a hurry has to read elsewhere', async () => {
    const handover = new Handover();
    const reader = handover.take();
    handover.hurry();
    for (let given = 0; given < 3; given += 1) await handover.give(new Uint8Array(MiB));
    expect((await reader?.next({}))?.byteLength).toBe(MiB);
    await handover.give(new Uint8Array(1));
    await expect(reader?.next({})).rejects.toThrow(Moved);
    await handover.give(new Uint8Array(MiB)); // for nobody
  });

  test('a failure reaches the reader, and ends the wait of the maker', async () => {
    const handover = new Handover();
    const reader = handover.take();
    const waiting = reader?.next({});
    handover.fail(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    handover.fail(new Error('too late'));
    await expect(reader?.next({})).rejects.toThrow('no more');
    const other = new Handover();
    const given = other.give(new Uint8Array(1));
    other.fail(new Error('enough'));
    await given;
  });

  test('a wait for bytes ends with its signal', async () => {
    const reader = new Handover().take();
    const controller = new AbortController();
    const waiting = reader?.next({ signal: controller.signal });
    controller.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow('given up');
  });
});
