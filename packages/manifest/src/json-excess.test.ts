import { expect, test } from 'vitest';
import { parseManifest } from './index.ts';
import { excessOfJSON } from './json-excess.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const megabyte = 1024 * 1024;

test.each([
  ['brackets', '['.repeat(megabyte), 'it nests deeper than 100 levels'],
  ['braces', '{"a":'.repeat(megabyte / 5), 'it nests deeper than 100 levels'],
  ['empty lists', `[${'[],'.repeat(megabyte)}[]]`, 'it has more than 300000 values'],
  ['numbers', `[${'1,'.repeat(megabyte)}1]`, 'it has more than 300000 values'],
  ['members', `{${'"":0,'.repeat(megabyte)}"":0}`, 'it has more than 300000 values'],
  ['brackets within a text', JSON.stringify({ a: '[{,"\\'.repeat(megabyte / 4) }), undefined],
  ['a text that ends in a backslash', `["${'\\\\'.repeat(20_000)}"${',[]'.repeat(10)}]`, undefined],
  ['a hundred levels', `${'['.repeat(100)}"${' '.repeat(megabyte)}"${']'.repeat(100)}`, undefined],
  ['a level more', `${'['.repeat(101)}"${' '.repeat(megabyte)}"${']'.repeat(101)}`, 'it nests deeper than 100 levels'],
  ['a small document of brackets', '['.repeat(1000), undefined],
])('%s', (_name, text, excess) => {
  expect(excessOfJSON(bytesOf(text))).toBe(excess);
});

test('a thousand images of 127 layers are no excess', () => {
  const layers = Array.from({ length: 127 }, (_, at) => `${'a'.repeat(64)}${at}/layer.tar`);
  const list = Array.from({ length: 1000 }, (_, at) => ({
    Config: `${at}.json`,
    RepoTags: [`a:${at}`],
    Layers: layers,
  }));
  expect(excessOfJSON(bytesOf(JSON.stringify(list)))).toBeUndefined();
});

test('a manifest of brackets is refused before it is parsed', () => {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const bytes = bytesOf(`{"schemaVersion":2,"mediaType":"${mediaType}","annotations":${'['.repeat(megabyte)}`);
  expect(() => parseManifest(bytes, mediaType)).toThrow('it nests deeper than 100 levels');
});
