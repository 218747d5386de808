// Size against speed, for this encoder, node:zlib and fflate, over blocks sampled from files. CPU time, in turns.
// Usage: node bench/level-curve.mjs ROUNDS SVG FILE... (after `pnpm build`; files are tars of real layers; SVG may be
// -)
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { deflateBlock } from '@slipway/deflate';
import { deflateSync } from 'fflate';
import { plot } from './plot.mjs';

const [rounds, svg, ...files] = process.argv.slice(2);
if (files.length === 0) throw new TypeError('Usage: node bench/level-curve.mjs ROUNDS SVG FILE...');
const MiB = 2 ** 20;
const windowSize = 32 * 1024;
const blockSize = 256 * 1024;
const samplesPerFile = 26;

const samples = files.flatMap(samplesOf);
const plainSize = samples.length * blockSize;

const candidates = [
  ...[1, 3, 6].map((level) => ({
    group: 'node:zlib',
    level,
    run: ({ block, dictionary }) =>
      deflateRawSync(block, { level, memLevel: 9, dictionary, finishFlush: constants.Z_SYNC_FLUSH }),
  })),
  ...[1, 6].map((level) => ({
    group: 'fflate',
    level,
    run: ({ block, dictionary }) => deflateSync(block, { level, dictionary }),
  })),
  ...[1, 2, 3, 4, 5, 6].map((level) => ({
    group: '@slipway/deflate',
    level,
    run: ({ block, dictionary }) => deflateBlock(block, { level, dictionary, final: false }),
  })),
];

// The first turn warms up, measures sizes, and makes sure that all of it can be read again.
for (const candidate of candidates) {
  candidate.times = [];
  candidate.size = 0;
  for (const sample of samples) {
    const deflated = candidate.run(sample);
    candidate.size += deflated.byteLength;
    const { dictionary, block } = sample;
    const plain = inflateRawSync(Buffer.concat([deflated, Uint8Array.of(3, 0)]), { dictionary });
    if (!plain.equals(block)) throw new Error(`${candidate.group} level ${candidate.level} is wrong`);
  }
}
for (let round = 0; round < Number(rounds); round += 1) {
  for (const candidate of candidates) {
    const before = process.cpuUsage();
    for (const sample of samples) candidate.run(sample);
    const { user, system } = process.cpuUsage(before);
    candidate.times.push((user + system) / 1e6);
  }
}

const rows = candidates.map(({ group, level, size, times }) => {
  times.sort((a, b) => a - b);
  const speed = (seconds) => plainSize / MiB / seconds;
  const [best, median] = [times[0], times[times.length >> 1]].map(speed);
  return { group, level, percent: (100 * size) / plainSize, best, median };
});
const speedOf = (group, level) => rows.find((row) => row.group === group && row.level === level);
print(`Node ${process.version}: ${(plainSize / MiB).toFixed(1)} MiB in blocks of 256 KiB, ${rounds} rounds.\n`);
print('| encoder | level | size | MiB/s a core, best | median |');
print('| --- | --- | --- | --- | --- |');
for (const { group, level, percent, best, median } of rows) {
  print(`| ${group} | ${level} | ${percent.toFixed(2)} % | ${best.toFixed(1)} | ${median.toFixed(1)} |`);
}
for (const [ours, zlib] of [
  [1, 3],
  [3, 6],
]) {
  const [a, b] = [speedOf('@slipway/deflate', ours), speedOf('node:zlib', zlib)];
  const ratios = `best ${(a.best / b.best).toFixed(2)}, median ${(a.median / b.median).toFixed(2)}`;
  print(`\nLevel ${ours} to zlib's ${zlib}: size ${(a.percent / b.percent).toFixed(4)}, speed ${ratios}.`);
}
if (svg !== '-') writeFileSync(svg, plot(rows, `Node ${process.version}, one core, best of ${rounds} rounds`));

function print(line) {
  process.stdout.write(`${line}\n`);
}

/** Blocks at even distances, each with the 32 KiB before it. */
function samplesOf(file) {
  const { size } = statSync(file);
  const source = openSync(file, 'r');
  const stride = Math.floor((size - windowSize - blockSize) / samplesPerFile);
  const taken = Array.from({ length: samplesPerFile }, (_, i) => {
    const bytes = Buffer.alloc(windowSize + blockSize);
    readSync(source, bytes, 0, bytes.byteLength, i * stride);
    return { dictionary: bytes.subarray(0, windowSize), block: bytes.subarray(windowSize) };
  });
  closeSync(source);
  return taken;
}
