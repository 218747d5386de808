import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const time = '/usr/bin/time';

/**
 * Runs commands one after the other as whole processes; their times add up, of their peaks the highest counts.
 *
 * @returns wall and CPU seconds and the peak of resident memory in bytes; the last two need GNU time (Debian: `time`)
 */
export async function measure(commands, folder) {
  const total = { wall: 0, cpu: undefined, peak: undefined };
  for (const command of commands) {
    const figures = await measureOne(command, folder);
    total.wall += figures.wall;
    if (figures.cpu !== undefined) total.cpu = (total.cpu ?? 0) + figures.cpu;
    if (figures.peak !== undefined) total.peak = Math.max(total.peak ?? 0, figures.peak);
  }
  return total;
}

async function measureOne([program, ...args], folder) {
  const report = join(folder, 'time.txt');
  const timed = existsSync(time);
  const [file, ...all] = timed ? [time, '-f', '%U %S %M', '-o', report, program, ...args] : [program, ...args];
  const errors = [];
  const start = performance.now();
  const child = spawn(file, all, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const [code] = await once(child, 'close');
  const wall = (performance.now() - start) / 1000;
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors).toString().slice(-800)}`);
  if (!timed) return { wall };
  const [user, system, kilobytes] = readFileSync(report, 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
  rmSync(report);
  return { wall, cpu: user + system, peak: kilobytes * 1024 };
}

/** The middle one; the mean of the middle two. */
export function median(values) {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  if (known.length === 0) return undefined;
  const half = known.length >> 1;
  return known.length % 2 === 1 ? known[half] : (known[half - 1] + known[half]) / 2;
}
