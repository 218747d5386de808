// Tags the action, with its bundle, as `v1.2.3` and as `v1`, which moves along; pushes both. The branch stays as it is.
// Runs in a checkout of the release, after the build.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.cwd();
if (!existsSync(join(folder, 'action/dist/index.mjs')))
  throw new Error('action/dist is missing: run `pnpm build` first');
const { version } = JSON.parse(readFileSync(join(folder, 'apps/push-cli/package.json'), 'utf8'));
const tags = [`v${version}`, `v${version.split('.')[0]}`];

git('checkout', '--quiet', '--detach');
git('add', '--force', 'action/dist');
git(
  '-c',
  'user.name=Slipway',
  '-c',
  'user.email=release@slipway.invalid',
  'commit',
  '--quiet',
  '-m',
  `The action of ${version}, bundled`,
);
for (const tag of tags) git('tag', '--force', tag);
git('push', '--quiet', '--force', 'origin', ...tags.map((tag) => `refs/tags/${tag}`));
console.log(`action: tagged ${tags.join(' and ')}`);

function git(...args) {
  const { status, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')} failed:\n${stderr}`);
}
