// A release from start to end, without the world: in a clone of the last commit the next versions are made, everything
// is built and published to a registry of packages on this machine, and installed from there by npm, pnpm, yarn and
// bun. Needs `pnpm install:rehearsal`; with `--all`, every package is installed by every manager.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bunFile, hostTarget, runtimes } from '../bun-targets.mjs';
import { pnpm } from '../packed/pack.mjs';
import { inParallel, run } from '../packed/run.mjs';
import { members, root } from '../workspace.mjs';
import { checkInstalled } from './installed.mjs';
import { startLocalNpm } from './local-npm.mjs';
import { installWith, packageManagers } from './package-managers.mjs';
import { checkPublished } from './published.mjs';

const target = mkdtempSync(join(tmpdir(), 'slipway-rehearsal-'));
const clone = join(target, 'checkout');
const bun = join(runtimes, bunFile(hostTarget()));
const everywhere = new Set(['slipway', '@slipway/client', '@slipway/server']);
const problems = [];

try {
  await step('clone', 'git', ['clone', '-q', '--no-hardlinks', root, clone], target);
  await step('install', ...pnpm('install', '--frozen-lockfile', '--prefer-offline'), clone);
  await step('versions', ...pnpm('run', 'release:version'), clone);
  await step('build', ...pnpm('exec', 'turbo', 'run', 'build', '--output-logs=errors-only'), clone);
  const npm = await startLocalNpm(join(target, 'npm'));
  try {
    writeFileSync(join(clone, '.npmrc'), `registry=${npm.url}\n//${new URL(npm.url).host}/:_authToken=rehearsal\n`, {
      flag: 'a',
    });
    await step('publish', ...pnpm('exec', 'changeset', 'publish'), clone, {
      NPM_CONFIG_PROVENANCE: 'false',
      npm_config_registry: npm.url,
    });
    const published = members(clone).filter(({ manifest }) => !manifest.private);
    for (const member of published) problems.push(...(await checkPublished(member, npm.url)));
    await installAll(published, npm.url);
  } finally {
    await npm.close();
  }
  await tagAction();
} finally {
  rmSync(target, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

/** Into a repository of its own, not into the one that was cloned. */
async function tagAction() {
  const origin = join(target, 'origin.git');
  await step('a repository to push to', 'git', ['clone', '-q', '--bare', clone, origin], target);
  await step('its address', 'git', ['remote', 'set-url', 'origin', origin], clone);
  await step('the tag of the action', process.execPath, [join(root, 'tools/release/tag-action.mjs')], clone);
  for (const file of ['action.yml', 'dist/index.mjs', 'dist/THIRD-PARTY-NOTICES.txt'])
    await step(`the action has ${file}`, 'git', ['cat-file', '-e', `v0:action/${file}`], origin);
}

/** Each package by one manager, in turn; what most people install by all of them. */
async function installAll(published, url) {
  const managers = packageManagers(bun);
  const pairs = published.flatMap((member, at) =>
    process.argv.includes('--all') || everywhere.has(member.manifest.name)
      ? managers.map((manager) => ({ member, manager }))
      : [{ member, manager: managers[at % managers.length] }],
  );
  await inParallel(pairs, Math.min(4, availableParallelism()), async ({ member, manager }) => {
    const { name, version } = member.manifest;
    const folder = join(target, 'users', `${manager}-${name.replace('/', '+')}`);
    try {
      await installWith(manager, `${name}@${version}`, { folder, url, cache: join(target, `${manager}.cache`), bun });
      problems.push(...(await checkInstalled(member, manager, { folder, bun })));
    } catch (error) {
      problems.push(error.message);
    }
    rmSync(folder, { recursive: true, force: true });
  });
  console.log(
    `rehearsal: ${published.length} packages published, ${pairs.length} installations by ${managers.join(', ')}`,
  );
}

async function step(name, file, args, cwd, env = {}) {
  const { code, output } = await run(file, args, { cwd, env });
  if (code !== 0) throw new Error(`${name} failed:\n${output}`);
  console.log(`rehearsal: ${name}`);
}
