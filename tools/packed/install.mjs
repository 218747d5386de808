// Installs packages with npm in an empty folder, as their users do, and looks at what they got.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Installs `packages` into `folder`, from the registry at `url` alone. */
export async function install(packages, folder, url) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const specs = packages.map(({ name, version }) => `${name}@${version}`);
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--no-package-lock'];
  const place = ['--registry', url, '--cache', `${folder}.cache`, '--prefix', folder];
  const { code, output } = await run('npm', ['install', ...quiet, ...place, ...specs], { cwd: folder });
  if (code !== 0) throw new Error(`npm install ${specs.join(' ')} failed:\n${output}`);
}

/** What lies in `node_modules` now: its packages, its bytes, and what of it is native or runs when it is installed. */
export function lookAt(folder) {
  const modules = join(folder, 'node_modules');
  const packages = packagesIn(modules);
  return {
    bytes: packages.reduce((sum, { path }) => sum + bytesOf(path), 0),
    names: packages.map(({ manifest }) => manifest.name),
    packages: packages.map(({ manifest }) => manifest),
    native: packages.filter(({ path }) => hasNative(path)).map(({ manifest }) => manifest.name),
    scripts: packages.filter(({ path, manifest }) => runsScripts(path, manifest)).map(({ manifest }) => manifest.name),
  };
}

function packagesIn(modules) {
  const names = namesIn(modules).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(modules, name)).map((own) => `${name}/${own}`) : [name],
  );
  return names.flatMap((name) => {
    const path = join(modules, name);
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return [{ path, manifest }, ...packagesIn(join(path, 'node_modules'))];
  });
}

function namesIn(folder) {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Bytes of a package's own files, without those of packages that lie in it. */
function bytesOf(path) {
  return filesOf(path).reduce((sum, file) => sum + statSync(file).size, 0);
}

function filesOf(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const own = join(path, entry.name);
    return entry.isDirectory() ? filesOf(own) : [own];
  });
}

function hasNative(path) {
  return filesOf(path).some((file) => /\.node$|[/\\]binding\.gyp$/.test(file));
}

function runsScripts(path, { scripts = {} }) {
  const isNamed = ['preinstall', 'install', 'postinstall'].some((name) => scripts[name] !== undefined);
  return isNamed || filesOf(path).some((file) => file === join(path, 'binding.gyp'));
}
