import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestkitError } from '../errors.ts';

/** What `pnpm install:runtimes` installs. */
const runtimes = fileURLToPath(new URL('../../../../tools/runtimes/node_modules', import.meta.url));

/** The path of a program on PATH or, for Bun and Deno, in `tools/runtimes`; undefined where it is not installed. */
export function findTool(name: string): string | undefined {
  // The one package that reads the environment outside apps/: a test has no caller to ask.
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [...runtimeFolders(name), ...folders].map((folder) => join(folder, name)).find(isExecutable);
}

/** Of the packages that there are, one a platform, only this platform's is installed. */
function runtimeFolders(name: string): readonly string[] {
  if (name === 'bun') return packagesOf('@oven').map((folder) => join(folder, 'bin'));
  return name === 'deno' ? packagesOf('@deno') : [];
}

function packagesOf(scope: string): readonly string[] {
  const folder = join(runtimes, scope);
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/**
 * Why a test that needs these programs must be skipped, or false: `test.skipIf(requireTool('skopeo'))('…')`.
 *
 * @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING in CI (`CI=true`), where skipping would hide a failure.
 */
export function requireTool(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return false;
  const reason = `not installed: ${missing.join(', ')}`;
  if (process.env['CI'] === 'true') throw new TestkitError('ERR_TESTKIT_TOOL_MISSING', reason);
  return reason;
}

/** The path of a program that the caller cannot do without. @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING */
export function toolPath(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new TestkitError('ERR_TESTKIT_TOOL_MISSING', `not installed: ${name}`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
