// The platforms that Bun makes executables for, and where its own lies here.
import { join } from 'node:path';
import { root } from './workspace.mjs';

/** Where `pnpm install:runtimes` installs. */
export const runtimes = join(root, 'tools/runtimes');

/** What Bun calls a target, and what pnpm needs to know to choose its package. */
export const targets = new Map([
  ['linux-x64', { name: 'bun-linux-x64', os: 'linux', cpu: 'x64', libc: 'glibc' }],
  ['linux-x64-musl', { name: 'bun-linux-x64-musl', os: 'linux', cpu: 'x64', libc: 'musl' }],
  ['linux-arm64', { name: 'bun-linux-aarch64', os: 'linux', cpu: 'arm64', libc: 'glibc' }],
  ['linux-arm64-musl', { name: 'bun-linux-aarch64-musl', os: 'linux', cpu: 'arm64', libc: 'musl' }],
  ['darwin-x64', { name: 'bun-darwin-x64', os: 'darwin', cpu: 'x64' }],
  ['darwin-arm64', { name: 'bun-darwin-aarch64', os: 'darwin', cpu: 'arm64' }],
  ['windows-x64', { name: 'bun-windows-x64', os: 'win32', cpu: 'x64' }],
  ['windows-arm64', { name: 'bun-windows-aarch64', os: 'win32', cpu: 'arm64' }],
]);

/** This machine's. */
export function hostTarget() {
  const isMusl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `${system}-${process.arch}${isMusl ? '-musl' : ''}`;
}

/** Bun of a target, below a folder that its package is installed in. */
export function bunFile(target) {
  const { name, os } = targets.get(target);
  return `node_modules/@oven/${name}/bin/${os === 'win32' ? 'bun.exe' : 'bun'}`;
}
