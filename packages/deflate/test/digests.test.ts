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
      "1": "f8b65c293519a2ff",
      "2": "f8b65c293519a2ff",
      "3": "797f6c06af836668",
      "4": "54bad8c6993d3025",
      "5": "6be2f47982893d4b",
      "6": "cfd9f0648a3ca6ea",
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
