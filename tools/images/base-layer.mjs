// The layers below a program: what an executable needs of Debian, and the folders of a user who is not root.
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { layerFrom } from '@slipway/client';
import { releaseOf } from './debian-packages.mjs';

/** What the images have of Debian: the C library, authorities, and which Debian it is. */
export const basePackages = ['base-files', 'ca-certificates', 'libc6'];

/** The user of the images, by number: kubelet compares numbers. Its folders are group 0's too, as OpenShift wants. */
export const user = { uid: 65_532, gid: 65_532, name: 'slipway', home: '/home/slipway' };

/** Parts of packages that go along, besides what says what they are and under which licence. */
const kept = new Map([
  // Converters and locales are for programs that use other encodings than UTF-8.
  ['libc6', /^(?:usr\/)?(?:lib|lib64)\/(?!.*\/(?:gconv|audit)\/)/],
  ['ca-certificates', /^$/],
  ['base-files', /^usr\/lib\/os-release$/],
]);

/** The layer of files from Debian, the same bytes for the same versions. */
export async function debianLayer(packages) {
  const files = new Map([
    [
      'etc/passwd',
      `root:x:0:0:root:/root:/sbin/nologin\n${user.name}:x:${user.uid}:${user.gid}::${user.home}:/sbin/nologin\n`,
    ],
    ['etc/group', `root:x:0:\n${user.name}:x:${user.gid}:\n`],
    // Without it, names in /etc/hosts would be looked up only where DNS is away.
    ['etc/nsswitch.conf', 'hosts: files dns\n'],
    ['etc/os-release', { type: 'symlink', target: '../usr/lib/os-release' }],
    ['root', { type: 'folder', mode: 0o700 }],
    ['tmp', { type: 'folder', mode: 0o1777 }],
    ['bin', { type: 'symlink', target: 'usr/bin' }],
    ['lib', { type: 'symlink', target: 'usr/lib' }],
    ['lib64', { type: 'symlink', target: 'usr/lib64' }],
    ['etc/ssl/certs/ca-certificates.crt', await authorities(packages)],
  ]);
  for (const { name, control, folder } of packages) {
    // Where scanners look for packages of an image without dpkg.
    files.set(`var/lib/dpkg/status.d/${name}`, `${control.trimEnd()}\n`);
    for (const path of await filesOf(folder)) {
      if (kept.get(name).test(path) || path === `usr/share/doc/${name}/copyright`) {
        files.set(path.replace(/^lib/, 'usr/lib'), await entryOf(join(folder, path)));
      }
    }
  }
  const { name } = await releaseOf(packages);
  const versions = packages.map((each) => `${each.name} ${each.version}`).join(', ');
  return layerFrom(Object.fromEntries(files), { createdBy: `${name}: ${versions}` });
}

/** Folders that the user of the image writes into. */
export function userLayer(folders) {
  const entries = folders.map((path) => [path.slice(1), { type: 'folder', mode: 0o770 }]);
  const createdBy = `folders of user ${user.uid}: ${folders.join(', ')}`;
  return layerFrom(Object.fromEntries(entries), { owner: { uid: user.uid, gid: 0 }, createdBy });
}

/** One file of all authorities, as Debian's update-ca-certificates makes it. */
async function authorities(packages) {
  const { folder } = packages.find(({ name }) => name === 'ca-certificates');
  const path = join(folder, 'usr/share/ca-certificates');
  const names = (await filesOf(path)).filter((name) => name.endsWith('.crt')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), 'utf8')));
  return texts.map((text) => `${text.trimEnd()}\n`).join('');
}

/** Files and links below a folder, with their paths relative to it. */
async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function entryOf(path) {
  const status = await lstat(path);
  if (status.isSymbolicLink()) return { type: 'symlink', target: await readlink(path) };
  return { content: await readFile(path), mode: status.mode & 0o777 };
}
