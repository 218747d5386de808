// Debian packages, fetched and unpacked with apt and dpkg, for any architecture; the system is not changed by it.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Fetches packages and unpacks each into a folder of its own. Without a version, the newest that this machine's apt
 * knows, which checks signatures and digests.
 *
 * @param {{ architecture: string, packages: readonly { name: string, version?: string }[], folder: string }} wanted
 * @returns {Promise<{ name: string, version: string, architecture: string, control: string, folder: string }[]>}
 */
export async function debianPackages({ architecture, packages, folder }) {
  const options = await aptOptions(architecture, folder);
  const downloads = join(folder, 'downloads');
  await mkdir(downloads, { recursive: true });
  const names = packages.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));
  try {
    await run('apt-get', [...options, 'download', '--quiet', ...names], { cwd: downloads });
  } catch (error) {
    throw new Error(`apt has no ${names.join(', ')} for ${architecture}: ${error.stderr}`, { cause: error });
  }
  const files = (await readdir(downloads)).filter((name) => name.endsWith('.deb')).sort();
  return await Promise.all(files.map((file) => unpack(join(downloads, file), folder)));
}

async function unpack(file, folder) {
  const { stdout: control } = await run('dpkg-deb', ['--field', file]);
  const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
  const name = field('Package');
  const unpacked = join(folder, name);
  await run('dpkg-deb', ['--extract', file, unpacked]);
  await rename(file, join(folder, `${name}.deb`));
  return { name, version: field('Version'), architecture: field('Architecture'), control, folder: unpacked };
}

/** Lists of packages are this machine's for its own architecture; those of others are fetched into the folder. */
async function aptOptions(architecture, folder) {
  const { stdout } = await run('dpkg', ['--print-architecture']);
  if (stdout.trim() === architecture && (await hasLists())) return [];
  const options = [
    ['Dir::State', join(folder, 'apt/state')],
    ['Dir::State::status', '/dev/null'],
    ['Dir::Cache', join(folder, 'apt/cache')],
    ['APT::Architecture', architecture],
    ['APT::Architectures', architecture],
    ['Acquire::Languages', 'none'],
  ].flatMap(([name, value]) => ['--option', `${name}=${value}`]);
  for (const part of ['state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(folder, 'apt', part), { recursive: true });
  }
  await run('apt-get', [...options, 'update', '--quiet']);
  return options;
}

async function hasLists() {
  const { stdout } = await run('apt-cache', ['policy', 'libc6']);
  return /^ {8}500 /m.test(stdout);
}

/** What the packages say the system is: `12` of Debian 12. */
export async function releaseOf(packages) {
  const base = packages.find(({ name }) => name === 'base-files');
  const text = await readFile(join(base.folder, 'usr/lib/os-release'), 'utf8');
  const value = (name) => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(text)?.[1] ?? '';
  return { text, id: value('ID'), version: value('VERSION_ID'), name: value('PRETTY_NAME') };
}
