import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { goSymbols } from './go-symbols.mjs';

const samplesPerSecond = 1999;
/** The kernel or a module of it. */
const kernelObject = /^\[(?!vdso|vsyscall|unknown|JIT)/;

/**
 * Runs a command under `perf record`: what it was at, two thousand times for each second of CPU time.
 *
 * @param root a folder in which the command's programs are looked for first: that of a chroot
 * @returns the samples, each with the seconds that it stands for, and the CPU seconds as GNU time counts them
 */
export async function sampleCpu(command, folder, { env, root = '' }) {
  const [data, report] = [join(folder, 'perf.data'), join(folder, 'time.txt')];
  const record = ['record', '--quiet', '-g', '-e', 'cpu-clock', '-F', String(samplesPerSecond), '-o', data, '--'];
  await run('perf', [...record, '/usr/bin/time', '-f', '%U %S', '-o', report, ...command], { cwd: folder, env });
  const script = ['script', '-i', data, '-F', 'comm,pid,ip,sym,dso'];
  const { stdout } = spawnSync('perf', script, { encoding: 'utf8', maxBuffer: 2 ** 29 });
  const nameOf = goNames(root);
  const samples = stdout.split('\n\n').flatMap((text) => parseSample(text, nameOf));
  for (const pid of new Set(samples.map(({ pid }) => pid))) forgetMap(pid);
  const [user, system] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  return { samples, seconds: 1 / samplesPerSecond, cpu: user + system };
}

/** Runs to its end what is not measured as well. */
export async function run(file, args, options) {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const errors = [];
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const [code] = await once(child, 'close');
  forgetMap(child.pid);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors)}`);
}

/** What `--perf-basic-prof` leaves behind, where perf looks for it. */
function forgetMap(pid) {
  rmSync(`/tmp/perf-${pid}.map`, { force: true });
}

/** A line with the thread, then a line for each function, the innermost first. */
function parseSample(text, nameOf) {
  const [thread, ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0 || /^\s*(?:time|perf)/.test(thread)) return [];
  const frames = lines.map((line) => {
    const [, place, name, object] = /^\s*([0-9a-f]+) (.*) \((.*?)\)$/.exec(line);
    return { place: Number.parseInt(place, 16), name, object };
  });
  const pid = /(\d+)\s*$/.exec(thread)[1];
  const kernel = frames.filter(({ object }) => kernelObject.test(object)).map((frame) => frame.name);
  if (kernelObject.test(frames[0].object)) return [{ pid, isKernel: true, functions: kernel }];
  const { place, name, object } = frames[0];
  const goName = nameOf(object, place);
  const known = goName ?? (name === '[unknown]' ? `unknown in ${object}` : name);
  return [{ pid, isGo: goName !== undefined, functions: [known] }];
}

/** Looks the functions of Go's programs up, which perf does not know where they are stripped. */
function goNames(root) {
  const tables = new Map();
  return (object, place) => {
    if (!tables.has(object)) {
      const path = [root + object, object].find((candidate) => candidate.startsWith('/') && existsSync(candidate));
      tables.set(object, path?.endsWith('.map') === false ? goSymbols(path) : undefined);
    }
    return tables.get(object)?.(place);
  };
}
