import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';

/**
 * Which process on which machine. Two processes never have the same, however many containers and machines there are.
 */
export interface ProcessIdentity {
  /** Within one such space a pid means one process. Undefined where that cannot be found out. */
  readonly space: string | undefined;
  readonly pid: number;
  /** When the process began, so that one that got the same pid later is another. Undefined where it cannot be known. */
  readonly began: string | undefined;
  /** For people. */
  readonly host: string;
}

export type ProcessState =
  /** It runs, for certain. */
  | 'running'
  /** It has ended, for certain. */
  | 'ended'
  /** It is out of sight: on another machine, in another container, or on a system that does not tell. */
  | 'unknown';

/** The identity of this process. What the kernel tells of it is no file on a disk, and there at once. */
export function ownIdentity(): ProcessIdentity {
  return { space: ownSpace(), pid: process.pid, began: ownBeginning(), host: hostname() };
}

function ownBeginning(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return statusIn(readFileSync('/proc/self/stat', 'utf8'))?.began;
  } catch {
    return undefined;
  }
}

/** Whether a process still runs, as far as `self`, the identity of this process, can see it. */
export async function stateOf(other: ProcessIdentity, self: ProcessIdentity): Promise<ProcessState> {
  if (other.space === undefined || other.space !== self.space) return 'unknown';
  if (!isThere(other.pid)) return 'ended';
  if (other.began === undefined) return 'unknown'; // the pid is in use, perhaps by another process
  const status = await statusOf(other.pid);
  if (status === undefined) return isThere(other.pid) ? 'unknown' : 'ended';
  return status.began === other.began && !status.isDead ? 'running' : 'ended';
}

/**
 * Linux: the boot, and the PID namespace within it. The host's name says too little: containers on the host's network
 * share it, and each has a process 1. Elsewhere there are no such namespaces; the machine's addresses tell it apart.
 */
function ownSpace(): string | undefined {
  if (process.platform !== 'linux') return `${process.platform} ${addressHash()}`;
  try {
    // `/proc` may be that of another namespace, where the pids of this one mean nothing.
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = readlinkSync('/proc/self/ns/pid');
    return boot === '' ? undefined : `${boot} ${namespace}`;
  } catch {
    return undefined;
  }
}

function addressHash(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ mac }) => mac) ?? []);
  return createHash('sha256')
    .update([hostname(), ...new Set(addresses.sort())].join('\n'))
    .digest('hex');
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it runs, and is somebody else's
  }
}

interface ProcessStatus {
  readonly began: string;
  readonly isDead: boolean;
}

async function statusOf(pid: number): Promise<ProcessStatus | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return statusIn(text);
}

/** @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html fields 3 (state) and 22 (start time) */
function statusIn(text: string): ProcessStatus | undefined {
  // The name of the program comes second, in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const began = fields[19];
  return began === undefined ? undefined : { began, isDead: 'ZXx'.includes(fields[0] ?? 'Z') };
}
