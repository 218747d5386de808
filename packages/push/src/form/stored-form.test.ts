import { gzipSync } from 'node:zlib';
import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { describe, expect, test } from 'vitest';
import { type CountedContent, collect, countedContent } from '../../test/counted-content.ts';
import { textBytes } from '../../test/setup.ts';
import { Notes } from '../notes.ts';
import { type DiffIDProofs, storedProofs } from './diff-id-proofs.ts';
import type { FormReader } from './form.ts';
import { plainLayerCheck } from './layer-check.ts';
import { StoredForm } from './stored-form.ts';
import { UnpackCheck } from './unpack-check.ts';

const plain = textBytes(7, 3_000_000);
const gzipped = gzipSync(plain);
const identity = { digest: digestBytes(gzipped), size: gzipped.byteLength };
const wrong = digestBytes(new Uint8Array(1));

interface Layer {
  readonly form: StoredForm;
  readonly content: CountedContent;
}

/** A gzip layer that is unpacked; `isNamed` where a descriptor says its digest. */
function layerOf(
  diffID: Digest,
  {
    proofs = storedProofs(new Notes(undefined)),
    isNamed = true,
    content = countedContent(gzipped),
    signal = new AbortController().signal,
  }: { proofs?: DiffIDProofs; isNamed?: boolean; content?: CountedContent; signal?: AbortSignal } = {},
): Layer {
  const check = new UnpackCheck({ diffID, compression: 'gzip', size: content.size, proofs, signal });
  return { content, form: new StoredForm(content, { identity: isNamed ? identity : undefined, check, signal }) };
}

async function part(reader: FormReader, from: number, length: number): Promise<Uint8Array> {
  return await collect(reader.open({ from, length, reuse: true }));
}

/** A store that remembers what was proven, and is asked how often it was. */
function watchedProofs(): DiffIDProofs & { readonly asked: string[]; readonly remembered: string[] } {
  const proofs = storedProofs(new Notes(createMemoryMetadataStore()));
  const asked: string[] = [];
  const remembered: string[] = [];
  return {
    asked,
    remembered,
    isProven(digest, diffID) {
      asked.push(`${digest} ${diffID}`);
      return proofs.isProven(digest, diffID);
    },
    remember(digest, diffID) {
      remembered.push(`${digest} ${diffID}`);
      return proofs.remember(digest, diffID);
    },
  };
}

describe('a layer with a digest that is unpacked too', () => {
  test('is read once, and passes when it unpacks to its diffID', async () => {
    const { form, content } = layerOf(digestBytes(plain));
    await using reader = form.reader();
    expect(digestBytes(await collect(reader.open({ reuse: true })))).toBe(identity.digest);
    expect(content.handedOut()).toBe(identity.size);
  });

  test('fails in place of its last bytes when it does not', async () => {
    const { form } = layerOf(wrong);
    await using reader = form.reader();
    let seen = 0;
    await expect(async () => {
      for await (const chunk of reader.open()) seen += chunk.byteLength;
    }).rejects.toMatchObject({
      side: 'source',
      cause: { code: 'ERR_DIGEST_MISMATCH', message: expect.stringContaining('as the image') },
    });
    expect(seen).toBeLessThan(identity.size);
  });

  test('in parts is read and unpacked once', async () => {
    const { form, content } = layerOf(digestBytes(plain));
    await using reader = form.reader();
    for (let from = 0; from < identity.size; from += 200_000) await part(reader, from, 200_000);
    expect(await reader.prove()).toEqual(identity);
    expect(content.handedOut()).toBe(identity.size);
    expect(content.mostLive()).toBe(1);
  });

  test.each([digestBytes(plain), wrong])(
    'taken up in the middle, what lies before is read once, in the same reading',
    async (diffID) => {
      const { form, content } = layerOf(diffID);
      await using reader = form.reader();
      const middle = 20_000 * Math.floor(identity.size / 40_000);
      const parts = (async () => {
        for (let from = middle; from < identity.size; from += 50_000) await part(reader, from, 50_000);
      })();
      if (diffID === wrong) await expect(parts).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
      else await parts;
      expect(content.handedOut()).toBe(identity.size);
      expect(content.mostLive()).toBe(1);
    },
  );

  test('is unpacked once for two readers, fed by whichever is ahead', async () => {
    const proofs = watchedProofs();
    const { form, content } = layerOf(digestBytes(plain), { proofs });
    await using one = form.reader();
    await using other = form.reader();
    const both = await Promise.all([collect(one.open({ reuse: true })), collect(other.open({ reuse: true }))]);
    expect(both.map((bytes) => digestBytes(bytes))).toEqual([identity.digest, identity.digest]);
    expect(content.handedOut()).toBe(2 * identity.size);
    expect(proofs.asked).toHaveLength(1);
    expect(proofs.remembered).toHaveLength(1);
  });

  test('is not unpacked again once it was proven, also by a later run', async () => {
    const proofs = watchedProofs();
    for (let run = 0; run < 2; run += 1) {
      const { form } = layerOf(digestBytes(plain), { proofs });
      await using reader = form.reader();
      await reader.prove();
    }
    expect(proofs.remembered).toEqual([`${identity.digest} ${digestBytes(plain)}`]);
    const { form } = layerOf(wrong, { proofs });
    await using reader = form.reader();
    await expect(reader.prove()).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
  });

  test('a reader that leaves early robs the other of nothing', async () => {
    const { form, content } = layerOf(digestBytes(plain));
    await using one = form.reader();
    await using other = form.reader();
    for await (const _ of one.open()) break;
    expect((await collect(other.open())).byteLength).toBe(identity.size);
    expect(content.handedOut()).toBe(identity.size + 10_000);
  });

  test('a reader with damaged bytes fails, and the next one unpacks from the start', async () => {
    const damaged = Buffer.from(gzipped);
    damaged[4] = 1; // the time in the header: it unpacks to the same
    let now = damaged;
    const { form } = layerOf(digestBytes(plain), { content: countedContent(() => now) });
    await using reader = form.reader();
    await expect(reader.prove()).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
    now = gzipped;
    await using next = form.reader();
    expect(await next.prove()).toEqual(identity);
  });

  test('ends with the push, without a verdict', async () => {
    const controller = new AbortController();
    const { form } = layerOf(digestBytes(plain), { signal: controller.signal });
    await using reader = form.reader();
    await part(reader, 0, 10_000);
    controller.abort(new Error('the push has ended'));
    await expect(reader.prove()).rejects.toThrow('the push has ended');
  });
});

describe('a layer without a digest', () => {
  test('is identified and unpacked in one reading, and then only hashed', async () => {
    const proofs = watchedProofs();
    const { form, content } = layerOf(digestBytes(plain), { isNamed: false, proofs });
    expect(await form.recall()).toBeUndefined();
    expect(content.opens()).toBe(0);
    expect(await Promise.all([form.identify(), form.identify()])).toEqual([identity, identity]);
    expect(content.handedOut()).toBe(identity.size);
    expect(await form.recall()).toEqual(identity);
    await using reader = form.reader();
    expect(digestBytes(await collect(reader.open({ reuse: true })))).toBe(identity.digest);
    expect(content.handedOut()).toBe(2 * identity.size);
    expect(proofs.remembered).toHaveLength(1);
  });

  test('is identified before it is read for an upload, once for all', async () => {
    const { form, content } = layerOf(digestBytes(plain), { isNamed: false });
    await using one = form.reader();
    await using other = form.reader();
    for (const bytes of await Promise.all([collect(one.open()), collect(other.open())]))
      expect(digestBytes(bytes)).toBe(identity.digest);
    expect(await one.prove()).toEqual(identity);
    expect(form.identity).toEqual(identity);
    expect(content.handedOut()).toBe(3 * identity.size);
  });

  test('is always compared with its diffID', async () => {
    const { form } = layerOf(wrong, { isNamed: false });
    await expect(form.identify()).rejects.toMatchObject({ side: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } });
    await using reader = form.reader();
    await expect(collect(reader.open())).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
    expect(form.identity).toBeUndefined();
  });

  test('a failure to identify it is not kept', async () => {
    let failures = 1;
    const before = (): void => {
      if (failures-- > 0) throw Object.assign(new Error('no file handle'), { code: 'EMFILE' });
    };
    const { form } = layerOf(digestBytes(plain), { isNamed: false, content: countedContent(gzipped, { before }) });
    await expect(form.identify()).rejects.toMatchObject({ side: 'machine', transient: true });
    expect(await form.identify()).toEqual(identity);
  });

  test('a caller that leaves does not end the computation for the others', async () => {
    const leaving = new AbortController();
    let hold = (): void => {};
    const held = new Promise<void>((resolve) => {
      hold = resolve;
    });
    const content = countedContent(gzipped, { before: (at) => (at > 0 ? held : undefined) });
    const { form } = layerOf(digestBytes(plain), { isNamed: false, content });
    const left = form.identify({ signal: leaving.signal });
    const stays = form.identify();
    leaving.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    hold();
    expect(await stays).toEqual(identity);
    expect(content.opens()).toBe(1);
  });

  test('the end of the push ends the computation', async () => {
    const push = new AbortController();
    const content = countedContent(gzipped, {
      before: (at) => {
        if (at > 0) push.abort(new Error('the push has ended'));
      },
    });
    const { form } = layerOf(digestBytes(plain), { isNamed: false, content, signal: push.signal });
    await expect(form.identify()).rejects.toThrow('the push has ended');
    await content.idle();
  });
});

describe('an uncompressed layer', () => {
  const formOf = (bytes: Uint8Array, diffID: Digest): StoredForm =>
    new StoredForm(contentOf(bytes), {
      identity: { digest: digestBytes(bytes), size: bytes.byteLength },
      check: plainLayerCheck(diffID),
    });

  test.each([
    ['empty', new Uint8Array()],
    ['not empty', plain],
  ])('that is %s is compared with its diffID', async (_, bytes) => {
    await using right = formOf(bytes, digestBytes(bytes)).reader();
    expect((await right.prove()).size).toBe(bytes.byteLength);
    await using other = formOf(bytes, wrong).reader();
    await expect(other.prove()).rejects.toMatchObject({ side: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } });
    await expect(collect(other.open())).rejects.toMatchObject({ cause: { code: 'ERR_DIGEST_MISMATCH' } });
  });
});
