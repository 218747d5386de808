import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { median } from './median.mjs';

const intervalMs = 20;
const parts = 10;

/**
 * Reads every 20 ms how much resident memory a process and those below it have together; with `isWrapped`, the process
 * itself, which only starts another one, is not counted.
 *
 * @returns a function that ends this and returns what was seen: nothing, on systems without /proc
 */
export function watchMemory(pid, { isWrapped }) {
  const samples = [];
  const start = performance.now();
  const end = new AbortController();
  const watch = async () => {
    while (!end.signal.aborted) {
      const bytes = isWrapped ? await childrenBytes(pid) : await residentBytes(pid);
      if (bytes > 0) samples.push({ atMs: performance.now() - start, bytes });
      await wait(intervalMs, undefined, { signal: end.signal, ref: false }).catch(() => {}); // ended while it waited
    }
  };
  const watching = watch();
  return async () => {
    end.abort();
    await watching;
    return samples;
  };
}

async function residentBytes(pid) {
  const status = await textOf(`/proc/${pid}/status`);
  const [, kilobytes = 0] = /^VmRSS:\s*(\d+) kB/m.exec(status) ?? [];
  return Number(kilobytes) * 1024 + (await childrenBytes(pid));
}

async function childrenBytes(pid) {
  const children = (await textOf(`/proc/${pid}/task/${pid}/children`)).split(' ').filter(Boolean);
  const sizes = await Promise.all(children.map(residentBytes));
  return sizes.reduce((total, size) => total + size, 0);
}

/** The text of a file of /proc; none when the process is gone. */
async function textOf(path) {
  return await readFile(path, 'utf8').catch(() => '');
}

/** Most and median of the memory in a run, and the median in each tenth of its time; undefined if nothing was seen. */
export function memoryOf(samples) {
  if (samples.length === 0) return undefined;
  const duration = samples.at(-1).atMs;
  const tenths = Array.from({ length: parts }, () => []);
  for (const { atMs, bytes } of samples) tenths[Math.min(parts - 1, Math.floor((atMs / duration) * parts))].push(bytes);
  const all = samples.map(({ bytes }) => bytes);
  return { most: Math.max(...all), median: median(all), tenths: tenths.map(median) };
}

/** What several runs of one program say together. */
export function mergeMemory(runs) {
  const known = runs.filter((memory) => memory !== undefined);
  if (known.length === 0) return undefined;
  return {
    most: Math.max(...known.map(({ most }) => most)),
    median: median(known.map((memory) => memory.median)),
    tenths: Array.from({ length: parts }, (_, at) => median(known.map(({ tenths }) => tenths[at]))),
  };
}
