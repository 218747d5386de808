// Packs the packages that are published, as npm would get them.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.mjs';

/** The packed package, below `target`. Throws with what the packer said. */
export async function pack({ folder, manifest, isApp, path }, target) {
  if (!existsSync(join(folder, 'dist'))) throw new Error('dist/ is missing: run `pnpm build` first');
  const place = await mkdtemp(join(target, 'pack-'));
  const { code, output } = await run(...pnpm('pack', '--pack-destination', place), { cwd: folder });
  const [file] = readdirSync(place);
  if (code !== 0 || file === undefined) throw new Error(`pnpm pack failed:\n${output}`);
  const tarball = join(place, file);
  return { name: manifest.name, version: manifest.version, path, isApp, tarball, size: statSync(tarball).size };
}

/** The pnpm that runs this script, or else the one on the path. */
export function pnpm(...args) {
  const self = process.env.npm_execpath ?? '';
  if (!/pnpm[^/\\]*$/.test(self)) return ['pnpm', args];
  return /\.[cm]?js$/.test(self) ? [process.execPath, [self, ...args]] : [self, args];
}
