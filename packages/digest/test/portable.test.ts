import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 as nodeCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fflateVersion } from '../src/gzip/portable-gzip.ts';
import { crc32 } from '../src/hashing/crc32.ts';
import * as index from '../src/index.ts';
import * as portable from '../src/portable.ts';
import { zstdVersion } from '../src/zstd/zstd-module.ts';
import { chunked, collect, distributions } from './support.ts';

const sources = fileURLToPath(new URL('../src/', import.meta.url));

/** Everything a source file imports at run time, and what its imports import. */
function importsOf(file: string, seen: Set<string> = new Set()): Set<string> {
  const text = readFileSync(file, 'utf8');
  for (const [, keyword, specifier = ''] of text.matchAll(/^(import|export)\b[^;]*?from '([^']+)';$/gms)) {
    expect(keyword).toBeDefined();
    if (!specifier.startsWith('.')) seen.add(specifier);
    const target = join(dirname(file), specifier);
    if (!specifier.startsWith('.') || seen.has(target)) continue;
    seen.add(target);
    importsOf(target, seen);
  }
  for (const [, specifier = ''] of text.matchAll(/\bimport\('([^']+)'\)/g)) seen.add(specifier);
  return seen;
}

describe('the portable entry', () => {
  test('imports nothing of Node, and no library that does', () => {
    const found = [...importsOf(join(sources, 'portable.ts'))];
    const packages = found.filter((specifier) => !specifier.startsWith(sources)).sort();
    const allowed = [
      '@noble/hashes/sha2.js',
      '@noble/hashes/utils.js',
      '@slipway/arguments',
      '@slipway/digest-value',
      'fflate',
      'fzstd',
    ];
    expect(packages).toEqual(allowed);
    expect(found).toContain(join(sources, 'gzip/portable-gzip.ts'));
  });

  test('the scan would find what is forbidden', () => {
    const found = importsOf(join(sources, 'index.ts'));
    for (const specifier of ['node:crypto', 'node:zlib', '@slipway/deflate/pool']) expect(found).toContain(specifier);
  });

  test('uses no global that only Node has', () => {
    for (const file of importsOf(join(sources, 'portable.ts'))) {
      if (!file.startsWith(sources)) continue;
      expect(readFileSync(file, 'utf8'), file).not.toMatch(/\b(Buffer|process|setImmediate)\b[.(]/);
    }
  });

  test('has everything the main entry has, but for what needs zlib or threads', () => {
    const missing = Object.keys(index).filter((name) => !(name in portable));
    expect(missing.sort()).toEqual([
      'createEstargzCompressor',
      'createGzipCompressor',
      'createUnpackDigester',
      'createZstdChunkedCompressor',
      'createZstdCompressor',
      'isEstargzAvailable',
      'isZstdAvailable',
    ]);
    expect(Object.keys(portable).filter((name) => !(name in index))).toEqual([]);
  });

  test('its gzip has the same bytes on every machine', async () => {
    const plain = distributions.mixed(3_000_000, 7);
    const compressor = portable.createPortableGzipCompressor();
    expect(compressor.recipe).toBe('gzip-members;fflate-0.8.3;level=6;block=1024k;v1');
    const pass = portable.compressionPass(chunked(plain, 100_000), compressor);
    await collect(pass.stream);
    expect(pass.result()).toMatchInlineSnapshot(`
      {
        "diffID": "sha256:04723f894582bf33a8b2e9ee45f47efa68556fdb6cc261c5210c1d57b1184968",
        "digest": "sha256:af375332937ba1be88534f8657835a1874907517d04c5df3e071883f70a28fdb",
        "notes": undefined,
        "size": 1805612,
        "uncompressedSize": 3000000,
      }
    `);
  });
});

test.each([
  ['fflate', fflateVersion],
  ['@bokuweb/zstd-wasm', zstdVersion],
])('recipes name the %s that is installed', (name, version) => {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 2);
  expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({ name, version });
});

test('both CRC-32s agree, in one piece and in two', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      expect(crc32(second, crc32(first))).toBe(nodeCrc32(Buffer.concat([first, second])));
    }),
  );
});
