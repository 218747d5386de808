import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = new URL('../packages/', import.meta.url);

/**
 * Has a bundle import what a package exports from the module that defines it. An index names modules and does nothing
 * else, but whoever imports one name of it evaluates them all: a program that asks for a list would load compressors.
 */
export function directImports() {
  return {
    name: 'direct-imports',
    transform: {
      filter: { id: /\.ts$/, code: /from '@slipway\// },
      handler: (code) => code.replaceAll(statements, (_, names, specifier) => direct(names, specifier)),
    },
  };
}

/** `import { a, type B, c as d } from '@slipway/…';` */
const statements = /^import \{([^}]*)\} from '(@slipway\/[^']+)';/gm;

function direct(names, specifier) {
  const lines = [];
  for (const name of named(names)) {
    const place = placeOf(specifier, name.imported);
    lines.push(`import { ${place.name} as ${name.local} } from '${place.module}';`);
  }
  return lines.join(' ');
}

/** The values among names; types are gone at run time. */
function named(text) {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !each.startsWith('type '))
    .map((each) => {
      const [imported, local = imported] = each.split(' as ');
      return { imported, local };
    });
}

function placeOf(specifier, name) {
  const index = indexOf(specifier);
  const found = index?.exports.get(name);
  if (found === undefined) return { module: specifier, name };
  if (found.from.startsWith('@slipway/')) return placeOf(found.from, found.name);
  return { module: resolve(dirname(index.path), found.from).replaceAll('\\', '/'), name: found.name };
}

const indexes = new Map();

/** What the module of a specifier exports from elsewhere, by name. */
function indexOf(specifier) {
  if (!indexes.has(specifier)) indexes.set(specifier, readIndex(specifier));
  return indexes.get(specifier);
}

function readIndex(specifier) {
  const [, name, rest] = /^@slipway\/([^/]+)(\/.*)?$/.exec(specifier);
  const folder = fileURLToPath(new URL(`${name}/`, packages));
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const source = JSON.parse(readFileSync(manifest, 'utf8')).exports?.[`.${rest ?? ''}`]?.['@slipway/source'];
  if (source === undefined) return undefined;
  const path = join(folder, source);
  const exported = new Map();
  for (const [, names, from] of readFileSync(path, 'utf8').matchAll(/^export \{([^}]*)\} from '([^']+)';/gm)) {
    for (const { imported, local } of named(names)) exported.set(local, { from, name: imported });
  }
  return { path, exports: exported };
}
