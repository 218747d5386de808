// Looks at one packed package with publint and, where it has types that anyone could import, with attw.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root } from '../workspace.mjs';
import { run } from './run.mjs';

const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');

/** Problems, as one text each. Publint's suggestions are left out: they are matters of taste. */
export async function lint({ path, isApp, tarball }) {
  const bytes = readFileSync(tarball);
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: data }, level: 'warning', strict: true });
  const problems = messages.map((message) => `${path}: publint: ${formatMessage(message, pkg)}`);
  if (isApp) return problems;
  const quiet = ['--profile', 'esm-only', '--no-color', '--no-emoji'];
  const { code, output } = await run(process.execPath, [attw, tarball, ...quiet], { cwd: root });
  if (code !== 0) problems.push(`${path}: attw:\n${output}`);
  return problems;
}
