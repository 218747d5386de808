import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** Every file and package that loading an entry loads: what is imported as a type, or later, does not count. */
function loadedBy(entry: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  const code = ts.transpileModule(readFileSync(join(source, entry), 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  }).outputText;
  for (const { fileName } of ts.preProcessFile(code.replace(/\bimport\(/g, 'later('), true, true).importedFiles) {
    if (fileName.startsWith('.')) loadedBy(relative(source, join(source, dirname(entry), fileName)), seen);
    else seen.add(fileName);
  }
  return seen;
}

test.each([
  ['the main entry', 'index.ts', [/^proxy\//, /^tls\//, /^v1\//, /^socks$/]],
  ['the entry of certificates', 'tls.ts', [/^proxy/, /^undici$/, /^socks$/, /^ipaddr/, /docker-credentials/]],
  ['the entry of proxies', 'proxy.ts', [/^tls/, /^v1/, /^auth\//, /^blobs\//]],
])('%s loads nothing of what is behind the others', (_, entry, unwanted) => {
  const loaded = [...loadedBy(entry)];
  expect(loaded.length).toBeGreaterThan(5);
  expect(loaded.filter((name) => unwanted.some((pattern) => pattern.test(name)))).toEqual([]);
});
