import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { copyBytes, copyBytesSource } from './copy-bytes.ts';

const inWorkers = runInNewContext(`(${copyBytesSource})`, { Buffer }) as typeof copyBytes;
const memories = [ArrayBuffer, SharedArrayBuffer];

test.each(memories.flatMap((from) => memories.map((to) => [from.name, to.name, from, to] as const)))(
  'bytes on %s reach a %s, wherever both begin',
  (_from, _to, From, To) => {
    for (const copy of [copyBytes, inWorkers]) {
      for (let start = 0; start < 9; start += 1) {
        for (let at = 0; at < 9; at += 1) {
          for (const size of [0, 1, 7, 8, 100]) {
            const bytes = new Uint8Array(new From(120), start, size).map((_, i) => i + 1);
            const source = new Uint8Array(new From(120));
            source.set(bytes, start);
            const target = new Uint8Array(new To(130));
            copy(target, at, source.subarray(start, start + size));
            expect([...target.subarray(0, at)]).toEqual(Array(at).fill(0));
            expect([...target.subarray(at, at + size)]).toEqual([...bytes]);
            expect([...target.subarray(at + size)].every((byte) => byte === 0)).toBe(true);
          }
        }
      }
    }
  },
);

test('what does not fit is refused', () => {
  const target = new Uint8Array(new SharedArrayBuffer(10));
  for (const copy of [copyBytes, inWorkers]) expect(() => copy(target, 5, new Uint8Array(6))).toThrow(RangeError);
});
