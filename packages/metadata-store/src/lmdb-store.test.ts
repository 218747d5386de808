import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openLmdbMetadataStore } from './lmdb-store.ts';
import { metadataStoreSuite } from './suite.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-lmdb-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

metadataStoreSuite('the LMDB store', async () =>
  openLmdbMetadataStore({ folder: await mkdtemp(join(root, 'store.')) }),
);
