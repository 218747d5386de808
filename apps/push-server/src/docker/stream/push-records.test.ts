import type { Digest } from '@slipway/digest';
import type { BlobSubject, PushEvent } from '@slipway/push';
import { expect, test } from 'vitest';
import { createPushRecords } from './push-records.ts';
import type { StreamRecord } from './stream-record.ts';

const blob: BlobSubject = {
  destination: 'ghcr.io/me/app',
  role: 'layer',
  id: 'aaaaaaaaaaaa',
  key: `sha256:${'a'.repeat(64)}` as Digest,
};

function told(...events: readonly PushEvent[]): readonly StreamRecord[] {
  const records: StreamRecord[] = [];
  const layersOf = (tag: string): readonly string[] => (tag === 'v1' ? ['bbbbbbbbbbbb', 'aaaaaaaaaaaa'] : []);
  events.forEach(createPushRecords((record) => records.push(record), layersOf));
  return records;
}

test('a registry that takes its time is named, of a config as of nothing else docker is silent about', () => {
  const storing = { type: 'blob:storing', blob, registry: 'ghcr.io', seconds: 40 } as const;
  const config = { ...blob, role: 'config' } as const;
  const status = 'Waiting for ghcr.io to store it, 40 s';
  expect(told(storing)).toEqual([{ kind: 'action', id: 'aaaaaaaaaaaa', status }]);
  expect(told({ ...storing, blob: config })).toEqual([]);
});

test('a manifest that a registry takes its time over has a line of its own', () => {
  const storing = {
    type: 'manifest:storing',
    destination: 'ghcr.io/me/app',
    registry: 'ghcr.io',
    seconds: 40,
  } as const;
  const status = 'Waiting for ghcr.io to store it, 40 s';
  expect(told({ ...storing, tag: 'v1', digest: blob.key })).toEqual([{ kind: 'action', id: 'v1', status }]);
  expect(told({ ...storing, tag: undefined, digest: blob.key })).toEqual([
    { kind: 'action', id: 'aaaaaaaaaaaa', status },
  ]);
});

test('a config is spoken of from its first retry on', () => {
  const config = { ...blob, role: 'config' } as const;
  const pushed = { type: 'blob:pushed', blob: config, digest: blob.key, size: 1 } as const;
  const retrying = {
    type: 'blob:retrying',
    blob: config,
    attempt: 1,
    seconds: 1,
    cause: new Error('cut off'),
  } as const;
  expect(told({ type: 'blob:preparing', blob: config }, pushed)).toEqual([]);
  expect(told({ type: 'blob:preparing', blob: config }, retrying, pushed)).toEqual([
    { kind: 'action', id: 'aaaaaaaaaaaa', status: 'Retrying in 1 second' },
    { kind: 'action', id: 'aaaaaaaaaaaa', status: 'Pushed' },
  ]);
});

test('of warnings, waits and docker’s own notice are told', () => {
  const warning = (code: string): PushEvent => ({ type: 'warning', destination: undefined, code, message: code });
  expect(told(warning('metadata-store'), warning('manifest-retry'), warning('schema1-deprecated'))).toEqual([
    { kind: 'message', status: 'manifest-retry' },
    { kind: 'message', status: 'schema1-deprecated' },
  ]);
});

test('layers that nobody had to ask for are told of all the same, as docker does', () => {
  const manifest = {
    type: 'manifest:pushed',
    destination: 'ghcr.io/me/app',
    digest: blob.key,
    size: 7,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    unchanged: true,
  } as const;
  const last = { kind: 'message', status: `v1: digest: ${blob.key} size: 7` };
  expect(told({ ...manifest, tag: undefined }, { ...manifest, tag: 'v1' })).toEqual([
    { kind: 'action', id: 'bbbbbbbbbbbb', status: 'Preparing' },
    { kind: 'action', id: 'aaaaaaaaaaaa', status: 'Preparing' },
    { kind: 'action', id: 'bbbbbbbbbbbb', status: 'Layer already exists' },
    { kind: 'action', id: 'aaaaaaaaaaaa', status: 'Layer already exists' },
    last,
  ]);
  const asked = told({ type: 'blob:preparing', blob }, { ...manifest, tag: 'v1' });
  expect(asked).toEqual([{ kind: 'action', id: 'aaaaaaaaaaaa', status: 'Preparing' }, last]);
});
