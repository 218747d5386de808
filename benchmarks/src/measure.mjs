import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryOf, watchMemory } from './memory.mjs';

const time = '/usr/bin/time';

/**
 * Runs commands one after the other as whole processes; their times add up, of their peaks the highest counts.
 *
 * `env` is laid over this process's environment; with `watch`, the main thread's part of the CPU time is told too,
 * where the program is Node's; with `memory`, how much was resident in the course of the last command. What a `daemon`
 * uses meanwhile is added.
 *
 * @returns wall and CPU seconds and the peak of resident memory in bytes; the last two need GNU time (Debian: `time`)
 */
export async function measure(commands, folder, { env = {}, watch = false, memory = false, daemon } = {}) {
  const before = daemon?.usage();
  const total = { wall: 0, cpu: undefined, peak: undefined };
  for (const command of commands) {
    const figures = await measureOne(command, folder, { ...env, ...(watch && watching(folder)) }, memory);
    total.wall += figures.wall;
    if (figures.cpu !== undefined) total.cpu = (total.cpu ?? 0) + figures.cpu;
    if (figures.peak !== undefined) total.peak = Math.max(total.peak ?? 0, figures.peak);
    if (memory) total.memory = figures.memory;
  }
  const after = daemon?.usage();
  if (after !== undefined && total.cpu !== undefined) {
    total.cpu += after.cpu - before.cpu;
    total.peak += after.peak;
  }
  return watch ? { ...total, main: mainPart(folder) } : total;
}

/** What makes a program of Node leave behind how its threads have shared the work. */
function watching(folder) {
  const watcher = fileURLToPath(new URL('watch-threads.cjs', import.meta.url));
  return { NODE_OPTIONS: `--require=${watcher}`, SLIPWAY_BENCH_THREADS: join(folder, 'threads') };
}

/** The main thread's part of the CPU time; undefined where the system does not tell. */
function mainPart(folder) {
  const path = join(folder, 'threads');
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const all = lines.map((line) => JSON.parse(line));
  const sum = (name) => all.reduce((total, threads) => total + threads[name], 0);
  return sum('main') / sum('all');
}

// Node reads these authorities before it does anything, all of them, and nothing here needs them: of a hundred, 0.08 s.
const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;

async function measureOne([program, ...args], folder, env, memory) {
  const report = join(folder, 'time.txt');
  const timed = existsSync(time);
  const [file, ...all] = timed ? [time, '-f', '%U %S %M', '-o', report, program, ...args] : [program, ...args];
  const errors = [];
  const start = performance.now();
  const child = spawn(file, all, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...inherited, ...env } });
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const endWatch = memory ? watchMemory(child.pid, { isWrapped: timed }) : undefined;
  const [code] = await once(child, 'close');
  const wall = (performance.now() - start) / 1000;
  const samples = (await endWatch?.()) ?? [];
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors).toString().slice(-800)}`);
  const figures = { wall, memory: memoryOf(samples) };
  if (!timed) return figures;
  const [user, system, kilobytes] = readFileSync(report, 'utf8').trim().split('\n').at(-1).split(' ').map(Number);
  rmSync(report);
  return { ...figures, cpu: user + system, peak: kilobytes * 1024 };
}
