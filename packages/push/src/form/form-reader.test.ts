import { type Content, digestBytes } from '@slipway/digest';
import { RegistryError } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import { collect, countedContent } from '../../test/counted-content.ts';
import { textBytes } from '../../test/setup.ts';
import type { FormReader } from './form.ts';
import { StoredForm } from './stored-form.ts';

const bytes = textBytes(5, 1_000_000);
const identity = { digest: digestBytes(bytes), size: bytes.byteLength };
const damaged = bytes.map((letter, at) => (at === 400_000 ? letter ^ 1 : letter));

function readerOf(content: Content): FormReader {
  return new StoredForm(content, { identity }).reader();
}

/** Takes `length` bytes from `from`, as a chunk of an upload. */
async function part(reader: FormReader, from: number, length: number): Promise<Uint8Array> {
  return await collect(reader.open({ from, length, reuse: true }));
}

/** Reads until it fails; how many bytes came before, and why it failed. */
async function untilFailure(stream: AsyncIterable<Uint8Array>): Promise<{ seen: number; error: unknown }> {
  let seen = 0;
  try {
    for await (const chunk of stream) seen += chunk.byteLength;
  } catch (error) {
    return { seen, error };
  }
  throw new Error('it did not fail');
}

describe('a reader', () => {
  test('hands out a blob in one piece, and has proven it then', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    expect(await reader.prove()).toEqual(identity);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('reads a blob in parts once', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    const parts: Uint8Array[] = [];
    for (let from = 0; from < identity.size; from += 200_000) parts.push(await part(reader, from, 200_000));
    expect(digestBytes(Buffer.concat(parts))).toBe(identity.digest);
    expect(await reader.prove()).toEqual(identity);
    expect(content.handedOut()).toBe(identity.size);
    expect(content.mostLive()).toBe(1);
  });

  test('begun in the middle reads what lies before once, also in parts', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    for (let from = 500_000; from < identity.size; from += 100_000) await part(reader, from, 100_000);
    expect(await reader.prove()).toEqual(identity);
    expect(content.handedOut()).toBe(identity.size);
    expect(content.mostLive()).toBe(1);
  });

  test('can be told beforehand to read what lies before', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    await reader.reach(500_000);
    expect(content.handedOut()).toBe(500_000);
    expect((await part(reader, 500_000, 500_000)).byteLength).toBe(500_000);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('reads what nobody has asked for when the blob is to be proven', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    await part(reader, 0, 300_000);
    expect(await reader.prove()).toEqual(identity);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('goes on where its consumer stopped taking', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    for await (const _ of reader.open()) break;
    const rest = await collect(reader.open({ from: 10_000 }));
    expect(Buffer.compare(rest, bytes.subarray(10_000))).toBe(0);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('reads a part again, and little more, when it is asked for again', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    await part(reader, 0, 600_000);
    await part(reader, 500_000, 500_000);
    expect(await reader.prove()).toEqual(identity);
    // There is no mark of the hash within the first MiB.
    expect(content.handedOut()).toBe(600_000 + identity.size);
  });

  test('begins anew from byte 0, as a request that is repeated does', async () => {
    const content = countedContent(bytes);
    await using reader = readerOf(content);
    await collect(reader.open());
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    expect(content.handedOut()).toBe(2 * identity.size);
  });

  test('ends an opening when another one begins', async () => {
    await using reader = readerOf(countedContent(bytes));
    const first = reader.open()[Symbol.asyncIterator]();
    await first.next();
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    await expect(first.next()).rejects.toThrow('ended by a later one');
    expect(reader.failure).toBeUndefined();
    expect(await reader.prove()).toEqual(identity);
  });

  test('opened beyond the end says so', async () => {
    await using reader = readerOf(countedContent(bytes));
    await expect(part(reader, identity.size + 1, 1)).rejects.toThrow(RangeError);
    await expect(part(reader, -1, 1)).rejects.toThrow(RangeError);
    await expect(part(reader, 0, 0.5)).rejects.toThrow(RangeError);
  });

  test('at the end of the blob has nothing to hand out, and proves it', async () => {
    await using reader = readerOf(countedContent(bytes));
    expect(await collect(reader.open({ from: identity.size }))).toHaveLength(0);
    expect(await reader.prove()).toEqual(identity);
  });

  test('ends with its signal, which is no failure to read', async () => {
    const controller = new AbortController();
    const before = (at: number): void => {
      if (at === 500_000) controller.abort(new Error('enough'));
    };
    await using reader = readerOf(countedContent(bytes, { before }));
    await expect(collect(reader.open({ signal: controller.signal }))).rejects.toThrow('enough');
    expect(reader.failure).toBeUndefined();
    expect(await reader.prove()).toEqual(identity);
  });

  test('does not wait for a source that is stuck once its signal has aborted', async () => {
    const controller = new AbortController();
    const before = (at: number): Promise<void> | undefined => {
      if (at < 500_000) return undefined;
      queueMicrotask(() => controller.abort(new Error('enough')));
      return new Promise(() => {});
    };
    await using reader = readerOf(countedContent(bytes, { before }));
    await expect(collect(reader.open({ signal: controller.signal }))).rejects.toThrow('enough');
    await expect(reader.prove({ signal: controller.signal })).rejects.toThrow('enough');
  });

  test('is of no use once it is disposed', async () => {
    const content = countedContent(bytes);
    const reader = readerOf(content);
    const opening = reader.open()[Symbol.asyncIterator]();
    await opening.next();
    await reader[Symbol.asyncDispose]();
    await expect(opening.next()).rejects.toThrow();
    await expect(reader.prove()).rejects.toThrow(TypeError);
    expect(content.live()).toBe(0);
  });
});

describe('a blob that is not what its digest says', () => {
  test('fails in place of its last bytes', async () => {
    await using reader = readerOf(countedContent(damaged));
    const { seen, error } = await untilFailure(reader.open());
    expect(error).toMatchObject({ side: 'source', mustRestart: true, cause: { code: 'ERR_DIGEST_MISMATCH' } });
    expect(seen).toBeLessThan(identity.size);
    expect(reader.failure).toBe(error);
  });

  test('fails in its last part, and cannot be proven by going on', async () => {
    await using reader = readerOf(countedContent(damaged));
    for (let from = 0; from < 800_000; from += 200_000) await part(reader, from, 200_000);
    await expect(part(reader, 800_000, 200_000)).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
    await expect(part(reader, 800_000, 200_000)).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
    await expect(reader.prove()).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
    expect(reader.failure).toMatchObject({ mustRestart: true });
  });

  test('cannot be mended by going on with bytes that are right', async () => {
    let now: Uint8Array = damaged;
    await using reader = readerOf(countedContent(() => now));
    await part(reader, 0, 800_000);
    await expect(part(reader, 800_000, 200_000)).rejects.toMatchObject({ mustRestart: true });
    now = bytes;
    await expect(part(reader, 800_000, 200_000)).rejects.toMatchObject({ mustRestart: true });
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
  });

  test('that changes between two parts fails', async () => {
    let now: Uint8Array = bytes;
    await using reader = readerOf(countedContent(() => now));
    await part(reader, 0, 300_000);
    now = damaged;
    await part(reader, 300_000, 600_000);
    await expect(part(reader, 900_000, 100_000)).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
  });

  test('that changes before a part is read again fails', async () => {
    let now: Uint8Array = bytes;
    await using reader = readerOf(countedContent(() => now));
    await part(reader, 0, 900_000);
    now = damaged;
    await part(reader, 300_000, 600_000);
    await expect(part(reader, 900_000, 100_000)).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
  });

  test.each([
    ['too short', bytes.subarray(0, 900_000)],
    ['too long', Buffer.concat([bytes, new Uint8Array(1)])],
  ])('as it is %s', async (_, other) => {
    await using reader = readerOf({ ...countedContent(other, { chunkSize: 30_000 }), size: identity.size });
    const { seen, error } = await untilFailure(reader.open());
    expect(error).toMatchObject({
      side: 'source',
      cause: { code: expect.stringMatching('ERR_(SIZE|DIGEST)_MISMATCH') },
    });
    expect(seen).toBeLessThan(identity.size);
  });
});

describe('a source that fails for a moment', () => {
  const outOfReach = (): Error =>
    new RegistryError('GET failed', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });

  test('is read on from where the consumer is, and what was read is not read again', async () => {
    let failures = 1;
    const before = (at: number): void => {
      if (at === 600_000 && failures-- > 0) throw outOfReach();
    };
    const content = countedContent(bytes, { before });
    await using reader = readerOf(content);
    const { seen, error } = await untilFailure(reader.open());
    expect(error).toMatchObject({ side: 'source', transient: true, mustRestart: false });
    expect(reader.failure).toBe(error);
    expect(seen).toBe(600_000);
    const rest = await collect(reader.open({ from: seen }));
    expect(reader.failure).toBeUndefined();
    expect(Buffer.compare(rest, bytes.subarray(seen))).toBe(0);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('does not spoil what lies before an opening in the middle', async () => {
    let failures = 1;
    const before = (at: number): void => {
      if (at === 300_000 && failures-- > 0) throw outOfReach();
    };
    const content = countedContent(bytes, { before });
    await using reader = readerOf(content);
    await expect(part(reader, 500_000, 1)).rejects.toMatchObject({ transient: true });
    expect((await part(reader, 500_000, 500_000)).byteLength).toBe(500_000);
    expect(content.handedOut()).toBe(identity.size);
  });
});

test('two readers of one form do not disturb each other', async () => {
  const content = countedContent(bytes);
  const form = new StoredForm(content, { identity });
  await using one = form.reader();
  await using other = form.reader();
  const [first, second] = await Promise.all([
    collect(one.open({ reuse: true })),
    (async () => [await part(other, 0, 400_000), await part(other, 400_000, 600_000)])(),
  ]);
  expect([digestBytes(first), digestBytes(Buffer.concat(second))]).toEqual([identity.digest, identity.digest]);
  expect(content.handedOut()).toBe(2 * identity.size);
});

test('what lies before is read by one reader of a form at a time', async () => {
  const content = countedContent(bytes);
  const form = new StoredForm(content, { identity });
  const readers = [form.reader(), form.reader(), form.reader()];
  await Promise.all(readers.map((reader) => reader.reach(500_000)));
  expect(content.mostLive()).toBe(1);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});
