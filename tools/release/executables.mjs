// Makes the GitHub release `v1.2.3` with the executables of every platform and their SHA256SUMS. Runs after
// `release:tag-action`, which has made the tag, with `gh` and its token. With targets, only builds those into
// dist/release.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { targets } from '../bun-targets.mjs';
import { filesBelow, root } from '../workspace.mjs';

const only = process.argv.slice(2);
const out = join(root, 'dist/release');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const wanted = only.length > 0 ? only : [...targets.keys()];
const built = join(out, 'built');
run(process.execPath, [join(root, 'tools/build-standalone.mjs'), '--out', built, ...wanted]);
const names = filesBelow(built)
  .filter((file) => wanted.includes(file.split('/')[0]))
  .map((file) => ({ file, name: nameOf(file) }));
for (const { file, name } of names) renameSync(join(built, file), join(out, name));
rmSync(built, { recursive: true });
const sums = [];
for (const { name } of names) sums.push(`${await digestOf(join(out, name))}  ${name}\n`);
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
console.log(`executables: ${names.map(({ name }) => name).join(', ')} in dist/release`);

if (only.length === 0) {
  const { version } = JSON.parse(readFileSync(join(root, 'apps/push-cli/package.json'), 'utf8'));
  const notes = `slipway and slipwayd without Node. What has changed: [CHANGELOG](https://github.com/slipway/slipway/blob/v${version}/apps/push-cli/CHANGELOG.md).`;
  const files = [...names.map(({ name }) => name), 'SHA256SUMS'].map((name) => join(out, name));
  const texts = ['--title', `Slipway ${version}`, '--notes', notes];
  run('gh', ['release', 'create', `v${version}`, '--verify-tag', '--latest', ...texts, ...files]);
}

/** `slipway-linux-x64` for `linux-x64/slipway`; programs of Windows keep their ending. */
function nameOf(file) {
  const [target, program] = [file.split('/')[0], basename(file)];
  return program.replace(/(\.exe)?$/, (ending) => `-${target}${ending}`);
}

async function digestOf(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed`);
}
