// Pushes the container images that `pnpm build:images` has made, with their SBOMs: REPOSITORY/slipway and
// REPOSITORY/slipwayd, each as its version and as `latest`.
//   node tools/release/images.mjs REPOSITORY [FOLDER]
// FOLDER is dist/images unless it is given. SLIPWAY_REGISTRY_USER and SLIPWAY_REGISTRY_PASSWORD say who pushes.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.mjs';

const [repository, folder = join(root, 'dist/images')] = process.argv.slice(2);
if (repository === undefined) throw new Error('Which repository? For example: ghcr.io/slipway');
const { SLIPWAY_REGISTRY_USER: user, SLIPWAY_REGISTRY_PASSWORD: password } = process.env;
const { version } = JSON.parse(readFileSync(join(root, 'apps/push-cli/package.json'), 'utf8'));
const slipway = join(root, 'apps/push-cli/bin/slipway.cjs');

for (const name of ['slipway', 'slipwayd']) {
  const destinations = [version, 'latest'].map((tag) => `${repository}/${name}:${tag}`);
  const login = user === undefined ? [] : ['--username', user, '--password-stdin'];
  const args = ['push', '--referrers', ...login, `oci:${join(folder, name)}`, ...destinations];
  const stdio = ['pipe', 'inherit', 'inherit'];
  const { status } = spawnSync(process.execPath, [slipway, ...args], { input: password ?? '', stdio });
  if (status !== 0) throw new Error(`slipway push of ${name} ended with ${status}`);
}
