import { type Digest, digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { provenByContent } from '../knowledge.ts';
import { Presence } from './presence.ts';

const digest: Digest = digestBytes(new Uint8Array([1]));
const identity = provenByContent({ digest, size: 1 });

test('what this push has sent stays sent, also where it is found afterwards', () => {
  const presence = new Presence(false);
  presence.note('layer', identity, 'sent');
  presence.note('layer', identity, 'seen');
  expect(presence.blob('layer')?.how).toBe('sent');
  expect(presence.hasSent).toBe(true);
  expect(presence.mayBeOnItsWay(new Set([digest]))).toBe(true);
});

test('what the registry has lost is noted anew', () => {
  const presence = new Presence(false);
  presence.note('layer', identity, 'sent');
  presence.lost(new Set([digest]));
  expect(presence.blob('layer')).toBeUndefined();
  presence.note('layer', identity, 'seen');
  expect(presence.blob('layer')?.how).toBe('seen');
  expect(presence.hasSent).toBe(false);
});
