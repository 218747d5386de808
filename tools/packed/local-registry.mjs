// A registry of npm packages that needs no network: our packed ones, and those of others as pnpm has installed them
// here. So what npm installs from it is what the lockfile names.
import { spawn } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from './run.mjs';

/** Starts it on a free port. `packed` are packages of `pack`; `store` is a `node_modules/.pnpm`. */
export async function startLocalRegistry(packed, store) {
  const versions = installedIn(store);
  for (const { name, tarball } of packed) {
    const manifest = JSON.parse(await textOf(tarball, 'package/package.json'));
    versions.set(name, new Map([[manifest.version, { manifest, tarball }]]));
  }
  const server = createServer((request, response) => {
    answer(request.url, versions, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  return { url, close: () => new Promise((resolve) => server.close(resolve)) };
}

async function answer(path, versions, response) {
  const [name, version] = decodeURIComponent(path.slice(1).replace(/\?.*$/, '')).split('/-/');
  const found = versions.get(name);
  if (found === undefined) {
    response.writeHead(404).end('{}');
    return;
  }
  const entry = version && found.get(version.replace(/\.tgz$/, ''));
  if (entry) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    await pipeline(entry.tarball ? createReadStream(entry.tarball) : packedFolder(entry.folder), response);
    return;
  }
  const host = `http://${response.req.headers.host}`;
  const document = { name, 'dist-tags': { latest: [...found.keys()].sort(byVersion).at(-1) }, versions: {} };
  for (const [key, { manifest }] of found) {
    document.versions[key] = { ...manifest, dist: { tarball: `${host}/${encodeURIComponent(name)}/-/${key}.tgz` } };
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

/**
 * Files of pnpm's store are hard links, also of equal files in one package, and npm takes no links: their content goes
 * in.
 */
function packedFolder(folder) {
  const args = ['--hard-dereference', '--transform', 's,^\\.,package,', '-C', folder, '-czf', '-', '.'];
  return spawn('tar', args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
}

/** Name to version to folder. */
function installedIn(store) {
  const found = new Map();
  const add = (folder, name) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (!found.has(name)) found.set(name, new Map());
    found.get(name).set(manifest.version, { manifest, folder: realpathSync(folder) });
  };
  for (const entry of readdirSync(store)) {
    const modules = join(store, entry, 'node_modules');
    for (const item of foldersIn(modules)) {
      if (!item.startsWith('@')) add(join(modules, item), item);
      else for (const own of foldersIn(join(modules, item))) add(join(modules, item, own), `${item}/${own}`);
    }
  }
  return found;
}

/** Folders that are no links: a link leads to another package's entry. */
function foldersIn(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  }
}

async function textOf(tarball, path) {
  const { code, output } = await run('tar', ['-xzOf', tarball, path]);
  if (code !== 0) throw new Error(output);
  return output;
}

function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
