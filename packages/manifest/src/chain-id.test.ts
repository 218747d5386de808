import type { Digest } from '@slipway/digest';
import { expect, test } from 'vitest';
import { chainID, chainIDs } from './chain-id.ts';

// Made with sha256sum: diffIDs of "0\n", "1\n" and "2\n", chains of the two texts joined by a space.
const diffIDs = [
  'sha256:9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa',
  'sha256:4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865',
  'sha256:53c234e5e8472b6ac51c1ae1cab3fe06fad053beb8ebfd8977b010655bfdd3c3',
] as Digest[];
const chain = [
  'sha256:9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa',
  'sha256:a9b3f33b2b9a756743070ad7366b7b1f2e9a494a1f81a57af69077dd989847dd',
  'sha256:0fcb3c73426a7c185efe635845dc4c0d979f83fc15468b790f24702715efb6d0',
];

test('no layers have no chainID', () => {
  expect(chainID([])).toBeUndefined();
});

test('one layer is its own chain', () => {
  expect(chainID(diffIDs.slice(0, 1))).toBe(diffIDs[0]);
});

test('each further layer is hashed onto the chain below', () => {
  expect(chainIDs(diffIDs)).toEqual(chain);
  expect(chainID(diffIDs)).toBe(chain.at(-1));
});
