import type { Digest } from '@slipway/digest';
import type { BlobSubject } from '@slipway/push';
import { expect, test } from 'vitest';
import { recordOf } from './push-records.ts';

const blob: BlobSubject = {
  destination: 'ghcr.io/me/app',
  role: 'layer',
  id: 'aaaaaaaaaaaa',
  key: `sha256:${'a'.repeat(64)}` as Digest,
};

test('a registry that takes its time is named, of a config as of nothing else docker is silent about', () => {
  const storing = { type: 'blob:storing', blob, registry: 'ghcr.io', seconds: 40 } as const;
  expect(recordOf(storing)).toEqual({
    kind: 'action',
    id: 'aaaaaaaaaaaa',
    status: 'Waiting for ghcr.io to store it, 40 s',
  });
  expect(recordOf({ ...storing, blob: { ...blob, role: 'config' } })).toBeUndefined();
});
