import { describe, expect, test } from 'vitest';
import { collect } from '../../test/support.ts';
import { contentOf } from './content.ts';

describe('contentOf', () => {
  const content = contentOf(Uint8Array.of(1, 2, 3));

  test.each([
    [undefined, [1, 2, 3]],
    [0, [1, 2, 3]],
    [2, [3]],
    [3, []],
    [4, []],
  ])('opened from %j, as often as one likes', async (from, expected) => {
    expect(content.size).toBe(3);
    for (let time = 0; time < 2; time += 1) expect([...(await collect(content.open({ from })))]).toEqual(expected);
  });

  test.each([[-1], [0.5], [Number.NaN]])('from %d is refused', async (from) => {
    await expect(collect(content.open({ from }))).rejects.toThrow(RangeError);
  });

  test('an aborted signal opens nothing', async () => {
    const reason = new Error('enough');
    await expect(collect(content.open({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });
});
