// The notices that the licences of third-party code ask for, beside every bundle that has that code inside.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

const mit = (copyright) => `${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/**
 * Packages that come without the text of the licence that their manifest names. The copyrights are those in their code.
 */
const untold = new Map([
  ['abstract-logging', [mit('Copyright (c) James Sumners')]],
  [
    'xz-decompress',
    [
      mit(`Copyright (c) Tim Perry and contributors
Based on xzwasm, copyright (c) Steve Sanderson (MIT)
Contains xz-embedded by Lasse Collin and Igor Pavlov (public domain) and walloc, copyright (c) 2020 Igalia, S.L. (MIT)`),
    ],
  ],
]);

/** What stands for Bun, whose code is in the executables. */
export function bunNotice(version) {
  return {
    name: 'Bun',
    version,
    license: 'MIT, with parts under the licences named below',
    texts: [
      mit('Copyright (c) Oven'),
      `Bun is linked statically with JavaScriptCore and other parts of WebKit, which are under the GNU Library General Public
License, version 2, and with TinyCC, under the GNU Lesser General Public License, version 2.1. Their sources as Bun uses
them, and how to link Bun anew with changed ones: https://github.com/oven-sh/bun/blob/main/LICENSE.md
That page also names the other libraries in Bun, under MIT, BSD, Apache 2.0, zlib and similar licences: BoringSSL, brotli,
c-ares, highway, ICU, libarchive, libbase64, libdeflate, libjpeg-turbo, libspng, libuv, libwebp, lol-html, ls-hpack,
ls-qpack, lsquic, mimalloc, picohttpparser, simdutf, uSockets, uucode, uWebSockets, zlib-ng, zstd and more.
The program that was joined with Bun is in Slipway's source, https://github.com/slipway/slipway; \`pnpm build:standalone\`
joins it with any build of Bun.`,
    ],
  };
}

/**
 * A plugin for rolldown: writes THIRD-PARTY-NOTICES.txt and bundled.json (names and versions) into the bundle's folder.
 */
export function noticesPlugin() {
  return {
    name: 'third-party-notices',
    generateBundle(_, bundle) {
      const files = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
      const packages = packagesOf(files);
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-NOTICES.txt', source: noticesOf(packages) });
      const names = Object.fromEntries(packages.map(({ name, version }) => [name, version]));
      this.emitFile({ type: 'asset', fileName: 'bundled.json', source: `${JSON.stringify(names, null, 2)}\n` });
    },
  };
}

/** The npm packages that files belong to, each once, sorted by name. */
export function packagesOf(files) {
  const found = new Map();
  for (const file of files) {
    const folder = packageFolder(file.replace(/^\0/, '').replace(/\?.*$/, ''));
    if (folder === undefined || found.has(folder)) continue;
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const texts = licenceTexts(folder);
    found.set(folder, { name, version, license, texts: texts.length > 0 ? texts : (untold.get(name) ?? []) });
  }
  const once = new Map([...found.values()].map((member) => [`${member.name}@${member.version}`, member]));
  return [...once.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** One text: which packages there are, then each one's licence, word for word. @throws where a package tells none */
export function noticesOf(packages, head = headOfBundles) {
  const silent = packages.filter(({ texts }) => texts.length === 0).map(({ name }) => name);
  if (silent.length > 0)
    throw new Error(`No licence text is in ${silent.join(', ')}: add it to tools/third-party-notices.mjs`);
  const parts = packages.map(
    ({ name, version, license, texts }) => `${name} ${version} (${license})\n\n${texts.join('\n\n')}`,
  );
  return `${head}\n\n${[listOf(packages), ...parts].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

const headOfBundles = `This program contains the following software of others, under the licences printed here.
Slipway itself is under the Apache License 2.0.`;

function listOf(packages) {
  return packages.map(({ name, version, license }) => `  ${name} ${version} (${license})`).join('\n');
}

/** The folder of the npm package that has a file, or nothing for a file of this repository's own. */
function packageFolder(file) {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`);
  if (at < 0) return undefined;
  const root = file.slice(0, at + `${sep}node_modules`.length);
  for (let folder = dirname(file); folder.length > root.length; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    // Folders within a package may have a manifest of their own that says no more than how its files are to be read.
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version !== undefined) return folder;
  }
  return undefined;
}

function licenceTexts(folder) {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim());
}
