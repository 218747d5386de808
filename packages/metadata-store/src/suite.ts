import type { Digest } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import type { LayerRecord, MetadataStore, SessionRecord } from './metadata-store.ts';

const busybox = 'docker.io/library/busybox';
const key = new TextEncoder().encode('key');
const v1ID = 'f0'.repeat(32);
const session: SessionRecord = {
  repository: busybox,
  subject: digest(1),
  location: 'https://registry.example/v2/library/busybox/blobs/uploads/1?_state=a&b',
  offset: 0,
  updatedAt: 1_700_000_000_000,
};

/**
 * What every {@link MetadataStore} must do. An implementation's own test file calls this with a way to open an empty
 * one. Needs vitest.
 */
export function metadataStoreSuite(name: string, open: () => Promise<MetadataStore>): void {
  describe(`${name} is a MetadataStore`, () => {
    test('a proof is of one blob and one diffID', async () => {
      await using store = await open();
      expect(await store.isProven(digest(11), digest(1))).toBe(false);
      await store.rememberProof(digest(11), digest(1));
      expect(await store.isProven(digest(11), digest(1))).toBe(true);
      expect(await store.isProven(digest(11), digest(2))).toBe(false);
      expect(await store.isProven(digest(12), digest(1))).toBe(false);
      expect(await store.diffIDOf(digest(11))).toBeUndefined();
    });

    test('proven digests come newest first, once each, and 20 at most', async () => {
      await using store = await open();
      expect(await store.provenDigests(digest(1))).toEqual([]);
      for (const n of [11, 12, 11]) await store.rememberProof(digest(n), digest(1));
      expect(await store.provenDigests(digest(1))).toEqual([digest(11), digest(12)]);
      expect(await store.provenDigests(digest(2))).toEqual([]);
      for (let i = 100; i < 125; i += 1) await store.rememberProof(digest(i), digest(1));
      expect(await store.provenDigests(digest(1))).toEqual(Array.from({ length: 20 }, (_, i) => digest(124 - i)));
    });

    test('claims are of one repository and one layer, newest first, and apart from records and proofs', async () => {
      await using store = await open();
      const alpine = 'docker.io/library/alpine';
      expect(await store.claims(busybox, digest(1))).toEqual([]);
      await store.addClaim(busybox, digest(1), { digest: digest(11), size: 0 });
      await store.addClaim(busybox, digest(1), { digest: digest(12), size: 70 * 1024 ** 3 });
      await store.addClaim(busybox, digest(2), { digest: digest(11), size: 7 });
      await store.addClaim(alpine, digest(1), { digest: digest(13), size: 8 });
      expect(await store.claims(busybox, digest(1))).toEqual([
        { digest: digest(12), size: 70 * 1024 ** 3 },
        { digest: digest(11), size: 0 },
      ]);
      expect(await store.claims(busybox, digest(2))).toEqual([{ digest: digest(11), size: 7 }]);
      expect(await store.claims(alpine, digest(1))).toEqual([{ digest: digest(13), size: 8 }]);
      expect(await store.claims(alpine, digest(2))).toEqual([]);
      expect(await store.layerRecords(digest(1))).toEqual([]);
      expect(await store.diffIDOf(digest(11))).toBeUndefined();
      expect(await store.blobSize(digest(11))).toBeUndefined();
      expect(await store.isProven(digest(11), digest(1))).toBe(false);
      expect(await store.provenDigests(digest(1))).toEqual([]);
    });

    test('a claim is there once, with the size that was said last', async () => {
      await using store = await open();
      for (const size of [7, 7, 8]) await store.addClaim(busybox, digest(1), { digest: digest(11), size });
      expect(await store.claims(busybox, digest(1))).toEqual([{ digest: digest(11), size: 8 }]);
      await expect(store.addClaim(busybox, digest(1), { digest: digest(11), size: -1 })).rejects.toThrow(RangeError);
    });

    test('a claim can be dropped, and dropped again', async () => {
      await using store = await open();
      for (const n of [11, 12]) await store.addClaim(busybox, digest(1), { digest: digest(n), size: n });
      await store.removeClaim(busybox, digest(1), digest(11));
      await store.removeClaim(busybox, digest(1), digest(11));
      await store.removeClaim('docker.io/nobody/knows', digest(1), digest(12));
      expect(await store.claims(busybox, digest(1))).toEqual([{ digest: digest(12), size: 12 }]);
      await store.removeClaim(busybox, digest(1), digest(12));
      expect(await store.claims(busybox, digest(1))).toEqual([]);
    });

    test('claims added at the same time are all kept', async () => {
      await using store = await open();
      const ours = Array.from({ length: 40 }, (_, i) => i + 100);
      await Promise.all(ours.map((n) => store.addClaim(busybox, digest(1), { digest: digest(n), size: n })));
      expect(new Set((await store.claims(busybox, digest(1))).map(({ size }) => size))).toEqual(new Set(ours));
    });

    test('of the claims of a repository, about the newest 1,000 are kept', { timeout: 120_000 }, async () => {
      await using store = await open();
      for (let start = 0; start < 1_500; start += 100) {
        const group = Array.from({ length: 100 }, (_, i) => start + i);
        await Promise.all(group.map((n) => store.addClaim(busybox, digest(n), { digest: digest(n), size: n })));
      }
      const kept = await Promise.all(Array.from({ length: 1_500 }, (_, n) => store.claims(busybox, digest(n))));
      const numbers = kept.flatMap((claims, n) => (claims.length === 0 ? [] : n));
      expect(numbers.length).toBeGreaterThan(800);
      expect(numbers.length).toBeLessThan(1_100);
      expect(numbers.filter((n) => n < 200)).toEqual([]);
      expect(numbers.filter((n) => n >= 1_300)).toHaveLength(200);
    });

    test('what is not known is undefined, or an empty list', async () => {
      await using store = await open();
      expect(await store.layerRecords(digest(1))).toEqual([]);
      expect(await store.diffIDOf(digest(1))).toBeUndefined();
      expect(await store.blobSize(digest(1))).toBeUndefined();
      expect(await store.session(busybox, digest(1))).toBeUndefined();
      expect(await store.v1Layer('docker.io', v1ID)).toBeUndefined();
    });

    test('records come back oldest first, and lead from digest to diffID', async () => {
      await using store = await open();
      await store.addLayerRecord(digest(1), record(11));
      await store.addLayerRecord(digest(1), record(12));
      await store.addLayerRecord(digest(2), record(21));
      expect(await store.layerRecords(digest(1))).toEqual([record(11), record(12)]);
      expect(await store.layerRecords(digest(2))).toEqual([record(21)]);
      expect(await store.diffIDOf(digest(12))).toBe(digest(1));
      expect(await store.diffIDOf(digest(21))).toBe(digest(2));
    });

    test('an equal record moves to the end', async () => {
      await using store = await open();
      for (const each of [record(11), record(12), record(11)]) await store.addLayerRecord(digest(1), each);
      expect(await store.layerRecords(digest(1))).toEqual([record(12), record(11)]);
    });

    test.each<[keyof LayerRecord, Partial<LayerRecord>]>([
      ['digest', { digest: digest(99) }],
      ['sourceRepository', { sourceRepository: 'docker.io/library/alpine' }],
      ['hmac', { hmac: 'ff' }],
    ])('a record that differs in %s only is another', async (_field, difference) => {
      await using store = await open();
      const other = { ...record(11), ...difference };
      await store.addLayerRecord(digest(1), record(11));
      await store.addLayerRecord(digest(1), other);
      await store.removeLayerRecord({ ...other, sourceRepository: 'docker.io/nobody/knows' });
      expect(await store.layerRecords(digest(1))).toEqual([record(11), other]);
      await store.removeLayerRecord(record(11));
      expect(await store.layerRecords(digest(1))).toEqual([other]);
    });

    test('the newest 50 are kept', async () => {
      await using store = await open();
      for (let i = 100; i < 155; i += 1) await store.addLayerRecord(digest(1), record(i));
      const expected = Array.from({ length: 50 }, (_, i) => record(105 + i));
      expect(await store.layerRecords(digest(1))).toEqual(expected);
    });

    test('records added at the same time are all kept', async () => {
      await using store = await open();
      const records = Array.from({ length: 40 }, (_, i) => record(100 + i));
      await Promise.all(records.map((each) => store.addLayerRecord(digest(1), each)));
      const kept = await store.layerRecords(digest(1));
      expect(new Set(kept.map((each) => each.digest))).toEqual(new Set(records.map((each) => each.digest)));
    });

    test('tagAndAdd signs the record', async () => {
      await using store = await open();
      await store.tagAndAdd(digest(1), key, { digest: digest(11), sourceRepository: busybox });
      await store.tagAndAdd(digest(1), undefined, { digest: digest(11), sourceRepository: busybox });
      const [signed, unsigned] = await store.layerRecords(digest(1));
      expect(signed?.hmac).toMatch(/^[0-9a-f]{64}$/);
      expect(unsigned).toEqual({ digest: digest(11), sourceRepository: busybox, hmac: '' });
    });

    test('the diffID of a digest outlives its records', async () => {
      await using store = await open();
      await store.addLayerRecord(digest(1), record(11));
      await store.removeLayerRecord(record(11));
      expect(await store.layerRecords(digest(1))).toEqual([]);
      expect(await store.diffIDOf(digest(11))).toBe(digest(1));
    });

    test('removing what nobody knows is no error', async () => {
      await using store = await open();
      await expect(store.removeLayerRecord(record(11))).resolves.toBeUndefined();
    });

    test('an empty source repository and odd characters come back as they were', async () => {
      await using store = await open();
      const odd = { digest: digest(11), sourceRepository: '', hmac: '<&>"\\\u2028 ü 😀' };
      await store.addLayerRecord(digest(1), odd);
      expect(await store.layerRecords(digest(1))).toEqual([odd]);
    });

    test('sizes of blobs', async () => {
      await using store = await open();
      await store.rememberBlobSize(digest(1), 0);
      await store.rememberBlobSize(digest(2), 70 * 1024 ** 3);
      expect(await store.blobSize(digest(1))).toBe(0);
      expect(await store.blobSize(digest(2))).toBe(70 * 1024 ** 3);
      await expect(store.rememberBlobSize(digest(1), -1)).rejects.toThrow(RangeError);
      await expect(store.rememberBlobSize(digest(1), 1.5)).rejects.toThrow(RangeError);
    });

    test('sessions are kept per repository and subject', async () => {
      await using store = await open();
      const other = { ...session, subject: digest(2) };
      await store.saveSession(session);
      await store.saveSession(other);
      await store.saveSession({ ...session, offset: 4096 });
      expect(await store.session(busybox, digest(1))).toEqual({ ...session, offset: 4096 });
      expect(await store.session(busybox, digest(2))).toEqual(other);
      expect(await store.session('docker.io/library/alpine', digest(1))).toBeUndefined();
      await store.dropSession(busybox, digest(1));
      await store.dropSession(busybox, digest(1));
      expect(await store.session(busybox, digest(1))).toBeUndefined();
      expect(await store.session(busybox, digest(2))).toEqual(other);
    });

    test('a session that is taken is gone', async () => {
      await using store = await open();
      expect(await store.takeSession(busybox, digest(1))).toBeUndefined();
      await store.saveSession(session);
      expect(await store.takeSession('docker.io/library/alpine', digest(1))).toBeUndefined();
      expect(await store.takeSession(busybox, digest(2))).toBeUndefined();
      expect(await store.takeSession(busybox, digest(1))).toEqual(session);
      expect(await store.takeSession(busybox, digest(1))).toBeUndefined();
      expect(await store.session(busybox, digest(1))).toBeUndefined();
      await store.saveSession(session);
      expect(await store.takeSession(busybox, digest(1))).toEqual(session);
    });

    test('of many that take a session at once, one gets it', async () => {
      await using store = await open();
      await store.saveSession(session);
      const taken = await Promise.all(Array.from({ length: 20 }, () => store.takeSession(busybox, digest(1))));
      expect(taken.filter((each) => each !== undefined)).toEqual([session]);
    });

    test('any subject and a long repository will do for a session', async () => {
      await using store = await open();
      const long = {
        ...session,
        repository: `r.example/${'a/'.repeat(127)}a`,
        subject: '../../"\n\u0000 ü'.repeat(300),
      };
      await store.saveSession(long);
      expect(await store.session(long.repository, long.subject)).toEqual(long);
      expect(await store.takeSession(long.repository, long.subject)).toEqual(long);
    });

    test('layers of a v1 registry', async () => {
      await using store = await open();
      await store.setV1Layer('localhost:5000', v1ID, digest(1));
      expect(await store.v1Layer('localhost:5000', v1ID)).toBe(digest(1));
      expect(await store.v1Layer('docker.io', v1ID)).toBeUndefined();
    });

    test.each([
      ['too short', 'f0'],
      ['upper case', 'F0'.repeat(32)],
      ['a path', `../${'f'.repeat(61)}`],
    ])('a v1 image ID that is %s is refused', async (_rule, id) => {
      await using store = await open();
      await expect(store.v1Layer('docker.io', id)).rejects.toThrow(TypeError);
      await expect(store.setV1Layer('docker.io', id, digest(1))).rejects.toThrow(TypeError);
    });

    test('what was begun is kept once it is flushed', async () => {
      await using store = await open();
      await store.flush();
      let left = 2;
      const done = (): void => {
        left -= 1;
      };
      const writing = [store.rememberBlobSize(digest(1), 5), store.addLayerRecord(digest(1), record(11))];
      for (const each of writing) void each.then(done);
      await Promise.all([store.flush(), ...writing]);
      await store.flush();
      expect(left).toBe(0);
      expect(await store.blobSize(digest(1))).toBe(5);
      expect(await store.layerRecords(digest(1))).toEqual([record(11)]);
    });

    test('closing twice is closing once', async () => {
      const store = await open();
      await store.rememberBlobSize(digest(1), 1);
      await store[Symbol.asyncDispose]();
      await expect(store[Symbol.asyncDispose]()).resolves.toBeUndefined();
    });
  });
}

function digest(n: number): Digest {
  return `sha256:${n.toString(16).padStart(64, '0')}` as Digest;
}

function record(n: number): LayerRecord {
  return { digest: digest(n), sourceRepository: busybox, hmac: '' };
}
