import { expect, test } from 'vitest';
import { digestsWithoutSize, parseJson } from './documents.ts';

const brackets = new TextEncoder().encode('['.repeat(1024 * 1024));

test('a document that would cost far more than its bytes is refused before it is parsed', () => {
  expect(() => parseJson(brackets, 'manifest.json')).toThrow(
    expect.objectContaining({
      code: 'ERR_SOURCE_INVALID',
      message: 'manifest.json cannot be read: it nests deeper than 100 levels',
    }),
  );
  expect(digestsWithoutSize(brackets)).toEqual([]);
});
