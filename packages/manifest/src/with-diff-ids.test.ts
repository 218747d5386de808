import { type Digest, digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { parseImageConfig } from './image-config.ts';
import { withDiffIDs } from './with-diff-ids.ts';

const digest = (text: string): Digest => digestBytes(new TextEncoder().encode(text));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(digest) as [Digest, Digest, Digest, Digest];

test.each([
  ['compact', `{"rootfs":{"type":"layers","diff_ids":["${a}","${b}"]},"n":1.0}`],
  [
    'indented',
    `{ "rootfs" : {\n  "diff_ids" : [\n    "${a}",\n    "${b}"\n  ],\n  "type": "layers" }, "n": 12345678901234567890 }`,
  ],
  [
    'with a label of that name',
    `{"config":{"Labels":{"x":"\\"diff_ids\\":[\\"${a}\\"]"}},"rootfs":{"diff_ids":["${a}","${b}"]}}`,
  ],
  ['with another list of that name', `{"diff_ids":["${c}"],"rootfs":{"type":"layers","diff_ids":["${a}","${b}"]}}`],
])('%s: nothing but the digests changes', (_, text) => {
  const made = withDiffIDs(bytes(text), [c, d]);
  expect(parseImageConfig(made).rootfs.diff_ids).toEqual([c, d]);
  const pair = (first: Digest, second: Digest): RegExp => new RegExp(`"${first}"(\\s*,\\s*)"${second}"`);
  expect(new TextDecoder().decode(made)).toBe(text.replace(pair(a, b), `"${c}"$1"${d}"`));
});

test.each([
  ['of another number', `{"rootfs":{"diff_ids":["${a}"]}}`, [c, d]],
  ['there twice', `{"diff_ids":["${a}"],"rootfs":{"diff_ids":["${a}"]}}`, [c]],
])('a list that is %s is refused', (_, text, diffIDs) => {
  expect(() => withDiffIDs(bytes(text), diffIDs)).toThrow(expect.objectContaining({ code: 'ERR_MANIFEST_INVALID' }));
});
