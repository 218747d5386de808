// What the registry has of a package after a release.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../packed/run.mjs';

const needed = ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'];

/** Problems, as sentences. */
export async function checkPublished({ manifest: { name, version }, isApp }, url) {
  const response = await fetch(`${url}${name.replace('/', '%2f')}`);
  if (!response.ok) return [`${name} is not published: ${response.status}`];
  const { versions, 'dist-tags': tags } = await response.json();
  const published = versions[version];
  if (published === undefined || tags.latest !== version)
    return [`${name} is published as ${tags.latest}, not as ${version}`];

  const problems = [];
  const ranges = Object.values({
    ...published.dependencies,
    ...published.peerDependencies,
    ...published.optionalDependencies,
  });
  if (ranges.some((range) => /^(?:workspace|catalog|link|file):/.test(range)))
    problems.push(`${name} depends on what only the checkout has`);
  for (const field of ['license', 'repository', 'homepage', 'bugs', 'description', 'engines'])
    if (published[field] === undefined) problems.push(`${name} has no ${field}`);
  for (const script of ['preinstall', 'install', 'postinstall'])
    if (published.scripts?.[script] !== undefined)
      problems.push(`${name} runs a script when it is installed: ${script}`);
  return [...problems, ...(await checkFiles(name, version, published.dist.tarball, isApp))];
}

async function checkFiles(name, version, tarball, isApp) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-published-'));
  try {
    const file = join(folder, 'package.tgz');
    writeFileSync(file, Buffer.from(await (await fetch(tarball)).arrayBuffer()));
    const paths = (await run('tar', ['-tzf', file])).output.split('\n');
    const wanted = [...needed, ...(isApp ? ['dist/THIRD-PARTY-NOTICES.txt'] : ['dist/index.js', 'dist/index.d.ts'])];
    const problems = wanted
      .filter((path) => !paths.includes(`package/${path}`))
      .map((path) => `${name} is published without ${path}`);
    const odd = paths.filter((path) => /\.(?:map|test\.\w+|tsbuildinfo)$|\/(?:src|test|node_modules)\//.test(path));
    if (odd.length > 0) problems.push(`${name} is published with ${odd.slice(0, 3).join(', ')}`);
    const { output: changes } = await run('tar', ['-xzOf', file, 'package/CHANGELOG.md']);
    if (!changes.includes(`## ${version}`)) problems.push(`${name}: its changelog says nothing of ${version}`);
    return problems;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
