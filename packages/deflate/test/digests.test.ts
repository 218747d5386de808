import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createDeflatePool } from '../src/deflate-pool.ts';
import { type DeflateLevel, deflateBlock, deflateVersion } from '../src/index.ts';
import { inputOf, kinds } from './corpus.ts';

const levels: readonly DeflateLevel[] = [1, 2, 3, 4, 5, 6];
const corpus = kinds.map((kind, seed) => inputOf(kind, 300_000, seed));

test('the corpus is the same on every machine', () => {
  expect(digestOf(corpus)).toMatchInlineSnapshot(`"77e334ac9ef718bc"`);
});

/** A change here changes the digests of every layer: it takes a new `deflateVersion` and a changeset. */
test('each level makes the same bytes on every machine', () => {
  const digests = levels.map((level) => [level, digestOf(corpus.map((input) => deflateBlock(input, { level })))]);
  expect({ deflateVersion, ...Object.fromEntries(digests) }).toMatchInlineSnapshot(`
    {
      "1": "740e33b51bb6235d",
      "2": "d06d4047981f5b6f",
      "3": "43b646a281586381",
      "4": "161062bdd012b178",
      "5": "27410af38be1681b",
      "6": "17cb7720098da4d3",
      "deflateVersion": 1,
    }
  `);
});

test('threads make the same bytes', async () => {
  await using pool = createDeflatePool({ threads: 3 });
  const made = await Promise.all(corpus.map((input) => pool.deflate(input)));
  expect(digestOf(made)).toBe(digestOf(corpus.map((input) => deflateBlock(input))));
});

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}
