// Makes the container images of slipway and slipwayd as OCI layouts, without Docker: `@slipway/client` puts the
// executables of `pnpm build:standalone` on what they need of Debian, and attaches an SBOM to each platform's image.
//   node tools/images/build-images.mjs [--out FOLDER] [--executables FOLDER] [--packages FILE] [TARGET...]
// Targets are linux-x64 and linux-arm64; without one, all that executables are there for. Debian's packages are the
// newest that apt knows, and are told in packages.json beside the layouts: `--packages` takes the same ones again.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from '@slipway/client';
import { startRegistry } from '@slipway/testkit';
import { basePackages } from './base-layer.mjs';
import { debianPackages, releaseOf } from './debian-packages.mjs';
import { platforms, programImage, programs } from './program-images.mjs';
import { sbomOf } from './sbom.mjs';
import { writeLayout } from './write-layout.mjs';

const root = resolve(fileURLToPath(import.meta.url), '../../..');

/**
 * @param {{ out: string, executables?: string, targets?: readonly string[], packagesFile?: string,
 * names?: Iterable<string>, compressionLevel?: number }} options `names` of the programs; all if it is left out
 * @returns {Promise<{ name: string, layout: string, digest: string }[]>}
 */
export async function buildImages({
  out,
  executables = join(root, 'dist/standalone'),
  targets = [],
  packagesFile,
  names = programs.keys(),
  compressionLevel,
}) {
  const there = [...platforms.keys()].filter((target) => existsSync(join(executables, target, 'slipwayd')));
  const wanted = targets.length > 0 ? targets : there;
  const missing = wanted.filter((target) => !there.includes(target));
  if (wanted.length === 0 || missing.length > 0) {
    const asked = missing.length > 0 ? missing.join(' ') : 'linux-x64';
    throw new Error(`There are no executables: run \`pnpm build:standalone ${asked}\` first`);
  }
  const { version } = JSON.parse(await readFile(join(root, 'apps/push-cli/package.json'), 'utf8'));
  const [revision, seconds] = git('log', '-1', '--format=%H %ct').split(' ');
  const facts = { executables, version, revision, created: new Date(Number(seconds) * 1000) };
  const work = await mkdtemp(join(tmpdir(), 'slipway-images-'));
  const registry = await startRegistry({ folder: join(work, 'registry') });
  const client = await createClient({ isolated: true, plainHttp: true });
  try {
    const locked = packagesFile === undefined ? {} : JSON.parse(await readFile(packagesFile, 'utf8'));
    const packages = new Map();
    for (const target of wanted) {
      const { architecture } = platforms.get(target);
      const asked = locked[architecture] ?? basePackages.map((name) => ({ name }));
      packages.set(target, await debianPackages({ architecture, packages: asked, folder: join(work, target) }));
    }
    const made = [];
    for (const name of names) {
      const reference = `${registry.host}/${name}:${version}`;
      const source = await programImage(name, { ...facts, packages });
      await client.push({ source, to: reference, compressionLevel });
      for (const [target, found] of packages) await attachSbom(client, reference, { ...facts, name, target, found });
      const layout = join(out, name);
      made.push({ name, layout, digest: await writeLayout(client, reference, layout) });
    }
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'packages.json'), `${JSON.stringify(versionsOf(packages), null, 2)}\n`);
    return made;
  } finally {
    await client[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(work, { recursive: true, force: true });
  }
}

/** Attached to the image of a platform: that is what is pulled, and what scanners look at. */
async function attachSbom(client, reference, { name, version, created, executables, target, found }) {
  const repository = await client.repository(reference);
  const platform = platforms.get(target);
  const image = await repository.getImage(version, { platform });
  const notices = await readFile(join(executables, target, `${name}.notices.txt`), 'utf8');
  const { digest } = image;
  const release = await releaseOf(found);
  const sbom = sbomOf({ name, version, created, digest, platform, release, packages: found, notices });
  const mediaType = 'application/spdx+json';
  const content = `${JSON.stringify(sbom, null, 2)}\n`;
  await client.attach({
    subject: `${reference.slice(0, reference.lastIndexOf(':'))}@${digest}`,
    artifact: { files: [{ title: `${name}.spdx.json`, content, mediaType }], artifactType: mediaType },
  });
}

/** Names and versions by architecture. */
function versionsOf(packages) {
  const entries = [...packages].map(([target, found]) => [
    platforms.get(target).architecture,
    found.map(({ name, version }) => ({ name, version })),
  ]);
  return Object.fromEntries(entries);
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, executables: { type: 'string' }, packages: { type: 'string' } },
  });
  const made = await buildImages({
    out: resolve(values.out ?? join(root, 'dist/images')),
    executables: values.executables && resolve(values.executables),
    packagesFile: values.packages && resolve(values.packages),
    targets: positionals,
  });
  for (const { layout, digest } of made) process.stdout.write(`${layout}  ${digest}\n`);
}
