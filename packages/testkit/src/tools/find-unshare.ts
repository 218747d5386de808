import { execFileSync } from 'node:child_process';
import { findTool } from './find-tool.ts';

export interface Unshare {
  /** The beginning of a command line that gives a program namespaces of its own. Empty where that cannot be had. */
  readonly prefix: readonly string[];
  /** Why it cannot be had, for the name of the tests that are skipped; undefined where it can. */
  readonly unless: string | undefined;
}

/**
 * Finds out whether this machine lets us give a program a PID namespace (`pid`: it sees itself as process 1, as in a
 * container) or mounts of its own (`mount`).
 *
 * @example
 * const { prefix, unless } = findUnshare('pid');
 * test.skipIf(unless)(`in a container (${unless ?? 'here'})`, …);
 */
export function findUnshare(kind: 'pid' | 'mount'): Unshare {
  const program = findTool('unshare');
  if (program === undefined) return { prefix: [], unless: 'not installed: unshare' };
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const flags = kind === 'pid' ? ['--pid', '--fork', '--kill-child', '--mount-proc'] : ['--mount'];
  const trial = kind === 'pid' ? ['true'] : ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'];
  const prefix = [program, ...user, ...flags];
  try {
    execFileSync(program, [...prefix.slice(1), ...trial], { stdio: 'ignore' });
    return { prefix, unless: undefined };
  } catch {
    return { prefix: [], unless: `this machine allows no ${kind} namespaces` };
  }
}
