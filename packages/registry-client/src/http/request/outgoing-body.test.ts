import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { OutgoingBody, type OutgoingBodyOptions } from './outgoing-body.ts';

function bodyOf(source: AsyncIterable<Uint8Array>, options: Partial<OutgoingBodyOptions> = {}): OutgoingBody {
  return new OutgoingBody(source, { size: undefined, onHanded() {}, onWanted() {}, onEnd() {}, ...options });
}

async function* chunksOf(
  sizes: readonly number[],
  onRead: (size: number) => void = () => {},
): AsyncGenerator<Uint8Array, void, void> {
  let value = 0;
  for (const size of sizes) {
    onRead(size);
    const chunk = new Uint8Array(size);
    for (let at = 0; at < size; at += 1) {
      chunk[at] = value % 251;
      value += 1;
    }
    yield chunk;
  }
}

describe('OutgoingBody', () => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 80_000 }), fc.nat({ max: 600_000 })), {
    maxLength: 20,
  });

  test('any chunking gives the same bytes, in pieces neither tiny nor huge', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (chunkSizes) => {
        const total = chunkSizes.reduce((sum, size) => sum + size, 0);
        const body = bodyOf(chunksOf(chunkSizes), { size: total });
        const pieces: Uint8Array[] = [];
        for await (const piece of body) pieces.push(piece);
        expect(body.isHandedOver).toBe(true);
        expect(body.sent).toBe(total);
        expect(Buffer.concat(pieces).every((value, at) => value === at % 251)).toBe(true);
        expect(pieces.every(({ byteLength }) => byteLength > 0 && byteLength < 1_048_576 + 65_536)).toBe(true);
        const small = pieces.slice(0, -1).filter(({ byteLength }) => byteLength < 65_536);
        // Only what is cut off the end of a large chunk, or gathered before one, may be small.
        expect(small.length).toBeLessThanOrEqual(chunkSizes.filter((size) => size >= 65_536).length);
      }),
      { numRuns: 50 },
    );
  });

  test('a small rest goes with the piece before it', async () => {
    const pieces: number[] = [];
    for await (const { byteLength } of bodyOf(chunksOf([524_338, 1_048_576 + 65_536]))) pieces.push(byteLength);
    expect(pieces).toEqual([262_144, 262_194, 1_048_576, 65_536]);
  });

  test('a body of known size is handed over with its last piece, before the socket has asked for more', async () => {
    async function* neverClosed(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(70_000);
      yield new Uint8Array(80_000);
      await new Promise(() => {});
    }
    const body = bodyOf(neverClosed(), { size: 150_000 });
    const pieces = body[Symbol.asyncIterator]();
    await pieces.next();
    expect(body.isHandedOver).toBe(false);
    await pieces.next();
    expect(body.isHandedOver).toBe(true);
    expect(body.sent).toBe(70_000);
    body.stop();
  });

  test('pieces grow while the socket takes them at once, and shrink when it does not', async () => {
    vi.useFakeTimers();
    try {
      const pieces = bodyOf(chunksOf([8_388_608]))[Symbol.asyncIterator]();
      const sizes: number[] = [];
      for (const waitMs of [0, 50, 49, 51, 0, 0]) {
        const { value } = await pieces.next();
        sizes.push((value as Uint8Array).byteLength / 262_144);
        vi.advanceTimersByTime(waitMs);
      }
      expect(sizes).toEqual([1, 4, 4, 4, 1, 4]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('the source is read only as far as pieces are taken', async () => {
    let read = 0;
    const chunks = chunksOf(
      Array.from({ length: 100 }, () => 65_536),
      (size) => {
        read += size;
      },
    );
    const pieces = bodyOf(chunks)[Symbol.asyncIterator]();
    for (let taken = 1; taken <= 10; taken += 1) {
      await pieces.next();
      expect(read).toBe(taken * 65_536);
    }
  });

  test('a source that uses its buffer again does no harm to what was gathered', async () => {
    async function* reusing(): AsyncGenerator<Uint8Array, void, void> {
      const buffer = new Uint8Array(10);
      for (let value = 0; value < 5; value += 1) yield buffer.fill(value);
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of bodyOf(reusing())) pieces.push(piece);
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.filter((_, at) => at % 10 === 0)).toEqual(Uint8Array.of(0, 1, 2, 3, 4));
  });

  test('stopping ends the wait for a source that hangs, and is no end of the body', async () => {
    async function* hanging(): AsyncGenerator<Uint8Array, void, void> {
      yield new Uint8Array(65_536);
      await new Promise(() => {});
    }
    const body = bodyOf(hanging());
    const pieces = body[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = pieces.next();
    body.stop();
    await expect(waiting).rejects.toThrow('ended before its body');
    expect(body.isHandedOver).toBe(false);
    expect(body.sourceError).toBeUndefined();
  });

  test('progress counts a piece once the next is asked for', async () => {
    const taken: number[] = [];
    const pieces = bodyOf(chunksOf([65_536, 65_536]), { onTaken: (sent) => taken.push(sent) })[Symbol.asyncIterator]();
    await pieces.next();
    expect(taken).toEqual([]);
    await pieces.next();
    expect(taken).toEqual([65_536]);
    await pieces.next();
    expect(taken).toEqual([65_536, 131_072]);
  });
});
