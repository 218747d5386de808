import { digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { createMemoryMetadataStore } from '../keyed/memory-store.ts';
import { forgetBlobs } from './forget-blobs.ts';

const [diffID, one, two, config] = [1, 2, 3, 4].map((size) => digestBytes(new Uint8Array(size))) as [
  ReturnType<typeof digestBytes>,
  ReturnType<typeof digestBytes>,
  ReturnType<typeof digestBytes>,
  ReturnType<typeof digestBytes>,
];
const here = 'registry.example/team/app';
const elsewhere = 'registry.example/team/other';

test('blobs are forgotten in one repository, and known in others', async () => {
  await using store = createMemoryMetadataStore();
  for (const [digest, sourceRepository] of [
    [one, here],
    [two, here],
    [one, elsewhere],
  ] as const) {
    await store.addLayerRecord(diffID, { digest, sourceRepository, hmac: '' });
  }
  await store.addLayerRecord(config, { digest: config, sourceRepository: here, hmac: 'ab' });
  await store.addClaim(here, diffID, { digest: one, size: 2 });
  await store.rememberProof(one, diffID);

  await forgetBlobs(store, here, [one, config]);
  const known = (await store.layerRecords(diffID)).map(({ digest, sourceRepository }) => [digest, sourceRepository]);
  expect(known).toEqual([
    [two, here],
    [one, elsewhere],
  ]);
  expect(await store.layerRecords(config)).toEqual([]);
  expect(await store.claims(here, diffID)).toEqual([]);
  expect(await store.isProven(one, diffID)).toBe(true);
});

test('what nobody knows is no error', async () => {
  await using store = createMemoryMetadataStore();
  await forgetBlobs(store, here, [one]);
  expect(await store.layerRecords(one)).toEqual([]);
});
