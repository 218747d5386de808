// What a user has after the installation of one package.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { lookAt } from '../packed/install.mjs';
import { run } from '../packed/run.mjs';
import { root } from '../workspace.mjs';

/** The lowest Node that the packages promise to run on. */
const lowestNode = '20.19.0';

/** Problems, as sentences. */
export async function checkInstalled(member, manager, { folder, bun }) {
  const { manifest, isApp } = member;
  const about = `${manifest.name} by ${manager}`;
  const problems = [];
  // pnpm's links would lead the look astray; what it installs is what npm does.
  if (manager !== 'pnpm') {
    const { scripts, native, packages } = lookAt(folder);
    if (scripts.length > 0) problems.push(`${about}: ${scripts.join(', ')} run scripts when they are installed`);
    if (native.length > 0) problems.push(`${about}: ${native.join(', ')} are native code`);
    problems.push(...tooNew(packages).map((text) => `${about}: ${text}`));
  }
  const runs = isApp
    ? programRuns(manifest, folder)
    : [...importRuns(manifest, process.execPath), ...(manager === 'bun' ? importRuns(manifest, bun) : [])];
  for (const { file, args, expected } of runs) {
    const { code, output } = await run(file, args, { cwd: folder });
    if (code !== 0 || (expected !== undefined && output.trim() !== expected))
      problems.push(`${about}: ${[file, ...args].join(' ')} ends with ${code}:\n${output}`);
  }
  return problems;
}

/** Packages of the tree that ask for a newer Node than ours do. */
function tooNew(packages) {
  const { satisfies } = createRequire(join(root, 'tools/rehearsal/package.json'))('semver');
  return packages
    .filter(({ engines }) => engines?.node !== undefined && !satisfies(lowestNode, engines.node))
    .map(({ name, version, engines }) => `${name}@${version} wants Node ${engines.node}`);
}

function programRuns({ bin, version }, folder) {
  return Object.values(bin).flatMap((path) => {
    const names = Object.entries(bin).filter(([, other]) => other === path);
    return names.map(([name]) => ({
      file: join(folder, 'node_modules/.bin', name),
      args: ['--version'],
      expected: version,
    }));
  });
}

/** Every entry, as ES module and by `require`. */
function importRuns({ name, exports: entries }, file) {
  const specifiers = Object.keys(entries)
    // A suite is for those who test a store of their own with vitest, which they bring.
    .filter((entry) => !['./package.json', './suite'].includes(entry))
    .map((entry) => name + entry.slice(1));
  const list = JSON.stringify(specifiers);
  return [
    { file, args: ['--input-type=module', '-e', `for (const one of ${list}) await import(one);`] },
    { file, args: ['--input-type=commonjs', '-e', `for (const one of ${list}) require(one);`] },
  ].map((each) => (file === process.execPath ? each : { file, args: each.args.slice(1) }));
}
