// Measures whole compression passes over one file: read, diffID, compress, digest.
// Usage: node bench/compression-pass.mjs FILE [RUNS]   (after `pnpm build`)
import { createReadStream, statSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import {
  compressionPass,
  createGzipCompressor,
  createPortableGzipCompressor,
  createZstdCompressor,
} from '@slipway/digest';

const [file, runs = '5'] = process.argv.slice(2);
if (file === undefined) throw new TypeError('Usage: node bench/compression-pass.mjs FILE [RUNS]');
const MiB = 1024 * 1024;

/** What a program without this package would do: one stream, one thread. */
const oneStream = {
  compression: 'gzip',
  recipe: 'node:zlib',
  compress(source) {
    const gzip = createGzip({ level: 6, chunkSize: 64 * 1024 });
    pipeline(source, gzip).catch(() => {}); // reading from gzip tells the same
    return gzip;
  },
};

const candidates = [
  ['one node:zlib stream, level 6', oneStream],
  ['gzip level 6', createGzipCompressor()],
  ['gzip level 6, one worker', createGzipCompressor({ concurrency: 1 })],
  ['gzip level 6, 1 MiB blocks', createGzipCompressor({ blockSize: MiB })],
  ['gzip level 1', createGzipCompressor({ level: 1 })],
  ['zstd level 3', createZstdCompressor()],
  ['portable gzip level 6', createPortableGzipCompressor()],
];

const samples = new Map(candidates.map(([name]) => [name, []]));
// Round by round, so that whatever else the machine does falls on all of them.
for (let round = 0; round < Number(runs); round += 1) {
  for (const [name, compressor] of candidates) samples.get(name).push(await measure(() => pass(compressor)));
}

print(
  `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model}), load ${loadavg()[0].toFixed(1)}.`,
);
print(`${(statSync(file).size / MiB).toFixed(0)} MiB, median of ${runs} runs (least, most).`);
print(`Peak RSS of the process over all: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB.\n`);
print('| what | MiB/s | CPU s | out MiB | worst event-loop lag ms |');
print('| --- | --- | --- | --- | --- |');
for (const [name, taken] of samples) {
  const speeds = taken.map(({ speed }) => speed).sort((a, b) => a - b);
  const speed = `${median(speeds).toFixed(0)} (${speeds[0].toFixed(0)}, ${speeds.at(-1).toFixed(0)})`;
  const cpu = median(taken.map((sample) => sample.cpu)).toFixed(1);
  const lag = median(taken.map((sample) => sample.lag)).toFixed(0);
  print(`| ${name} | ${speed} | ${cpu} | ${(taken[0].out / MiB).toFixed(2)} | ${lag} |`);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function measure(run) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const { plain, out } = await run();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  return { speed: plain / MiB / seconds, cpu: (user + system) / 1e6, out, lag: delay.max / 1e6 };
}

async function pass(compressor) {
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  const { stream, result } = compressionPass(source, compressor);
  for await (const _ of stream);
  const { uncompressedSize, size } = result();
  return { plain: uncompressedSize, out: size };
}
