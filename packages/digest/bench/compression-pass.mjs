// Measures whole compression passes over one file: read, diffID, compress, digest.
// Usage: node bench/compression-pass.mjs FILE [RUNS]   (after `pnpm build`)
import { createReadStream, statSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
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

process.stdout.write(`Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model}), ${file}: `);
process.stdout.write(`${(statSync(file).size / MiB).toFixed(1)} MiB, median of ${runs} runs (least, most)\n\n`);
process.stdout.write('| what | MiB/s | CPU s | out MiB | worst event-loop lag ms | peak RSS so far MiB |\n');
process.stdout.write('| --- | --- | --- | --- | --- | --- |\n');
for (const [name, compressor] of candidates) await report(name, () => pass(compressor));

async function report(name, run) {
  const samples = [];
  for (let i = 0; i < Number(runs); i += 1) samples.push(await measure(run));
  samples.sort((a, b) => a.speed - b.speed);
  const { speed, cpu, out, lag } = samples[Math.floor(samples.length / 2)];
  const spread = `(${samples[0].speed.toFixed(0)}–${samples.at(-1).speed.toFixed(0)})`;
  const peak = process.resourceUsage().maxRSS / 1024;
  const cells = [
    name,
    `${speed.toFixed(0)} ${spread}`,
    cpu.toFixed(1),
    (out / MiB).toFixed(2),
    lag.toFixed(0),
    peak.toFixed(0),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
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
