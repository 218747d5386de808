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
      "1": "5e1e72258ae59f5c",
      "2": "7a96586dd524eb25",
      "3": "0340cf43196bad20",
      "4": "ee02cb0bd195c0f7",
      "5": "acb5aa3451e72b4b",
      "6": "7c6e8664f7b52a5f",
      "deflateVersion": 3,
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
