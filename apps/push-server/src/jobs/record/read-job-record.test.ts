import type { KeyValueBackend } from '@slipway/metadata-store';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { JobRecord, JobSource } from './job.ts';
import { createJobIndex, indexedStore } from './job-index.ts';
import { createJobStore, damageTeller } from './job-store.ts';
import { readJobRecord } from './read-job-record.ts';

const content = { id: `sha256:${'0'.repeat(64)}` } as never;
const right: JobRecord = {
  ...{ id: 'right', state: 'failed', options: {}, principal: 'p', attempts: 1, home: 'here', isCancelRequested: false },
  source: { kind: 'image', name: 'a:1', hold: 'h', content },
  destinations: [{ reference: 'r/a:1', state: 'failed', error: { code: 'ERR_X', message: 'm' } }],
  ...{ createdAt: '2026-01-01T00:00:00.000Z', requestHash: 'x', labels: { team: 'a' }, priority: 'high' },
  run: { token: 't', startedAt: '2026-01-01T00:00:00.000Z', isAlone: true, hasProgress: false },
  webhook: { url: 'http://h/', state: 'waiting', attempts: 0 },
};
const held = { name: 'a:1', hold: 'h', content };
const sources: readonly JobSource[] = [
  right.source,
  { kind: 'images', name: 'a', held: [held, held] },
  { kind: 'archive', file: 'k-1', size: 5 },
  { kind: 'archive', file: 'k-1.part', size: 5, image: 'a:1', content },
  { kind: 'registry', name: 'docker://r/a:1', reference: 'r/a@sha256:0' },
];

const damaged: readonly (readonly [string, unknown])[] = [
  ['a list', [right]],
  ['a text', 'right'],
  ['the record of another job', { ...right, id: 'left' }],
  ['a state that there is not', { ...right, state: 'done' }],
  ['a source of no kind', { ...right, source: { ...right.source, kind: 'oci' } }],
  ['a source named as what objects inherit', { ...right, source: { kind: 'toString' } }],
  ['held images that are none', { ...right, source: { kind: 'images', name: 'a', held: [null] } }],
  ['an archive that lies elsewhere', { ...right, source: { kind: 'archive', file: '../tokens.json', size: 1 } }],
  ['destinations that are texts', { ...right, destinations: ['r/a:1'] }],
  ['no options', { ...right, options: null }],
  ['attempts as a text', { ...right, attempts: '1' }],
  ['labels in a list', { ...right, labels: ['team=a'] }],
  ['half a run', { ...right, run: { token: 't' } }],
  ['a webhook without a URL', { ...right, webhook: { state: 'waiting', attempts: 0 } }],
  ['deaths that are a number', { ...right, deaths: 3 }],
];

describe('what is kept as a job', () => {
  test.each(sources)('is one, whatever it pushes: %j', (source) => {
    const job = JSON.parse(JSON.stringify({ ...right, source })) as unknown;
    expect(readJobRecord('right', job)).toBe(job);
  });

  test.each(damaged)('is none: %s', (_what, value) => {
    expect(readJobRecord('right', value)).toBeUndefined();
  });
});

test('a damaged record loses its job and no other, is told once, and makes room for the same job again', async () => {
  const values = new Map<string, string>(damaged.map(([, value], at) => [`bad-${at}`, JSON.stringify(value)]));
  for (const [at, text] of ['null', '{}', '', '{"id":"cut"'].entries()) values.set(`cut-${at}`, text);
  const count = values.size;
  values.set('right', JSON.stringify(right));
  const backend = {
    get: async (_namespace: string, key: string) => bytesOf(values.get(key)),
    async update(_namespace: string, key: string, change: (value?: Uint8Array) => Uint8Array | undefined) {
      values.set(key, String(Buffer.from(change(bytesOf(values.get(key))) ?? [])));
    },
    list: async () => [...values.keys()],
  } as unknown as KeyValueBackend;
  const told: string[] = [];
  const log = pino({}, { write: (line: string) => void told.push(JSON.parse(line).msg) });
  const onDamaged = damageTeller(log, (name) => name);
  const index = createJobIndex();
  const store = indexedStore(createJobStore(backend, { onDamaged }), index);
  for (const _time of [1, 2]) expect(await store.list()).toEqual([right]);
  expect([...index.newest()].map(({ id }) => id)).toEqual(['right']);
  expect(await store.get('cut-0')).toBeUndefined();
  expect(await store.update('cut-1', (job) => job)).toBeUndefined();
  expect(told).toHaveLength(count);
  expect(told).toContain('the record of a push job is damaged, and the job is lost: slipway-job/cut-1');
  const again = { ...right, id: 'cut-2' };
  expect([await store.create(again), await store.get('cut-2')]).toEqual([again, again]);
});

test('events that are none leave a hole in the history', async () => {
  const event = { seq: 1, time: 0, type: 'job:queued' };
  const batches = new Map([
    ['000000001', JSON.stringify([event, null, 'x', { seq: '2', type: 'job:started' }])],
    ['000000005', 'null'],
    ['000000009', '{"seq":9}'],
  ]);
  const backend = {
    get: async (_namespace: string, key: string) => bytesOf(batches.get(key)),
    list: async () => [...batches.keys()],
  } as unknown as KeyValueBackend;
  expect(await createJobStore(backend).events('j', 0)).toEqual([event]);
});

function bytesOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}
