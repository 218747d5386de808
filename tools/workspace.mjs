// What the other tools share: where the repository is, who its members are, and on which floor each lives.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(fileURLToPath(import.meta.url), '../..');

/** A package imports only from strictly lower floors. `wing` stands beside the house and leans on floors 0 to 2. */
export const floors = new Map([
  ['@slipway/arguments', 0],
  ['@slipway/digest-value', 0],
  ['@slipway/deflate', 0],
  ['@slipway/tracing', 1],
  ['@slipway/digest', 1],
  ['@slipway/reference', 2],
  ['@slipway/manifest', 2],
  ['@slipway/transfer', 2],
  ['@slipway/read-file', 3],
  ['@slipway/file-lock', 3],
  ['@slipway/docker-credentials', 4],
  ['@slipway/image-source', 4],
  ['@slipway/registry-client', 5],
  ['@slipway/record-book', 5],
  ['@slipway/metadata-store', 6],
  ['@slipway/layer-cache', 6],
  ['@slipway/image-store', 7],
  ['@slipway/push', 7],
  ['@slipway/client', 8],
  ['slipway', 9],
  ['@slipway/server', 9],
  ['@slipway/testkit', 'wing'],
]);

/** Every package and app, ground floor first, in the order of the table above. */
export function members(base = root) {
  const found = [];
  for (const group of ['packages', 'apps']) {
    if (!existsSync(join(base, group))) continue;
    for (const name of readdirSync(join(base, group)).sort()) {
      const folder = join(base, group, name);
      const file = join(folder, 'package.json');
      if (!existsSync(file)) continue;
      found.push({
        folder,
        path: `${group}/${name}`,
        isApp: group === 'apps',
        manifest: JSON.parse(readFileSync(file, 'utf8')),
      });
    }
  }
  const order = [...floors.keys()];
  const place = ({ manifest }) => (order.includes(manifest.name) ? order.indexOf(manifest.name) : order.length);
  return found.sort((a, b) => place(a) - place(b));
}

/** Every file below a folder, with paths relative to it, sorted; nothing if there is no such folder. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

/** Writes a generated file, or with `--check` only complains if it is not what it should be. */
export function settle(path, expected, command) {
  const file = join(root, path);
  const actual = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (actual === expected) return;
  if (process.argv.includes('--check')) {
    const state = actual === undefined ? 'missing' : 'out of date';
    console.error(`${path} is ${state}: run \`node ${command}\` and commit the result`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(file, expected);
  console.log(`${path}: written`);
}
