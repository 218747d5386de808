import type { Digest } from '@slipway/digest';
import { expect, test } from 'vitest';
import type { SessionRecord } from '../metadata-store.ts';
import { metadataStoreSuite } from '../suite.ts';
import type { KeyValueBackend } from './key-value-backend.ts';
import { createMetadataStore } from './key-value-store.ts';

const day = 24 * 60 * 60 * 1000;
const digest = `sha256:${'b'.repeat(64)}` as Digest;

const sessionOf = (subject: string, updatedAt: number): SessionRecord => ({
  repository: 'docker.io/library/busybox',
  subject,
  location: 'https://registry.example/uploads/1',
  offset: 0,
  updatedAt,
});

/** The least that a stranger's backend has to do. */
function createMapBackend(values: Map<string, Uint8Array> = new Map()): KeyValueBackend {
  return {
    get: async (namespace, key) => values.get(`${namespace} ${key}`),
    set: async (namespace, key, value) => void values.set(`${namespace} ${key}`, value),
    delete: async (namespace, key) => void values.delete(`${namespace} ${key}`),
    update: async (namespace, key, change) => {
      const value = change(values.get(`${namespace} ${key}`));
      if (value === undefined) values.delete(`${namespace} ${key}`);
      else values.set(`${namespace} ${key}`, value);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

metadataStoreSuite('a store over a map', async () => createMetadataStore(createMapBackend()));

test('sessions that nobody continued for a week are cleared away by the first one saved', async () => {
  const now = 100 * day;
  const values = new Map<string, Uint8Array>();
  const backend = {
    ...createMapBackend(values),
    list: async () => [...values.keys()].map((key) => key.split(' ')[1] ?? ''),
  };
  await createMetadataStore(createMapBackend(values)).saveSession(sessionOf('old', now - 8 * day));
  await createMetadataStore(createMapBackend(values)).saveSession(sessionOf('young', now - 6 * day));
  values.set('slipway-session odd', new Uint8Array([1, 2, 3]));
  const next = createMetadataStore(backend);
  await next.saveSession(sessionOf('new', now));
  const subjects = [...values.values()].map((value) => JSON.parse(new TextDecoder().decode(value)).subject);
  expect(subjects).toEqual(['young', 'new']);
});

test.each([
  ['no JSON', '{'],
  ['of another shape', '{"repository":"docker.io/library/busybox","subject":"a"}'],
  ['with a negative offset', JSON.stringify(sessionOf('a', 0)).replace('"offset":0', '"offset":-1')],
  ['of another subject', JSON.stringify(sessionOf('b', 0))],
])('a session that is %s is none', async (_rule, text) => {
  const values = new Map<string, Uint8Array>();
  await using store = createMetadataStore(createMapBackend(values));
  await store.saveSession(sessionOf('a', 0));
  for (const key of values.keys()) values.set(key, new TextEncoder().encode(text));
  expect(await store.session('docker.io/library/busybox', 'a')).toBeUndefined();
});

test.each(['', '-1', '1.5', '9007199254740993', '1e3', 'x'])('a size kept as %j is unknown', async (text) => {
  const values = new Map([[`slipway-blob-size sha256/${'b'.repeat(64)}`, new TextEncoder().encode(text)]]);
  expect(await createMetadataStore(createMapBackend(values)).blobSize(digest)).toBeUndefined();
});
