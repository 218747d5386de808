// Packs the packages that are published, as npm would get them.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';
import { run } from './run.mjs';

/** The packed packages, below `target`. Throws with what the packer said. */
export async function pack(members, target) {
  const unbuilt = members.filter(({ folder }) => !existsSync(join(folder, 'dist')));
  if (unbuilt.length > 0) throw new Error(`dist/ is missing in ${unbuilt[0].path}: run \`pnpm build\` first`);
  const filters = members.map(({ manifest }) => `--filter=${manifest.name}`);
  const { code, output } = await run(...pnpm('-r', ...filters, 'pack', '--pack-destination', target), { cwd: root });
  if (code !== 0) throw new Error(`pnpm pack failed:\n${output}`);
  return members.map(({ manifest: { name, version }, isApp, path }) => {
    const tarball = join(target, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
    return { name, version, path, isApp, tarball, size: statSync(tarball).size };
  });
}

/** The pnpm that runs this script, or else the one on the path. */
export function pnpm(...args) {
  const self = process.env.npm_execpath ?? '';
  if (!/pnpm[^/\\]*$/.test(self)) return ['pnpm', args];
  return /\.[cm]?js$/.test(self) ? [process.execPath, [self, ...args]] : [self, args];
}
