// Deflates random inputs with random options until the time is up, and has two decoders that are not ours read the
// result. Usage: node --conditions=@slipway/source fuzz/fuzz.ts [MINUTES] [SEED] (Node 22.18 or newer, which runs
// TypeScript)
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { inflateSync } from 'fflate';
import { createEncoder } from '../src/encoder.ts';
import { type DeflateLevel, deflateBlock } from '../src/index.ts';
import { inputOf, kinds, type Random, randomFrom } from '../test/corpus.ts';

const [minutes = '60', seedText = String(Date.now() % 1_000_000_000)] = process.argv.slice(2);
const deadline = Date.now() + Number(minutes) * 60_000;
const firstSeed = Number(seedText);
const files = ['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/share'].flatMap(filesIn).sort();
let rounds = 0;
let bytesIn = 0;

for (; Date.now() < deadline; rounds += 1) {
  const seed = firstSeed + rounds;
  try {
    if (rounds % 8 === 7) checkMember(randomFrom(seed), seed);
    else checkBlock(randomFrom(seed), seed);
  } catch (error) {
    process.stderr.write(`seed ${seed} fails: ${String(error)}\n`);
    process.exit(1);
  }
  if (rounds % 1000 === 999) report();
}
report();

function report(): void {
  process.stdout.write(`seeds ${firstSeed} to ${firstSeed + rounds - 1}: ${bytesIn / 2 ** 20} MiB, no failure\n`);
}

/** One block, maybe with a dictionary, maybe not the last. */
function checkBlock(random: Random, seed: number): void {
  const dictionarySize = random(3) === 0 ? 0 : random(70_000);
  const all = anything(random, seed, dictionarySize + sizeFrom(random));
  const dictionary = all.subarray(0, dictionarySize);
  const input = all.subarray(dictionarySize);
  const level = (1 + random(6)) as DeflateLevel;
  const final = random(2) === 0;
  const deflated = deflateBlock(input, { level, dictionary, final });
  if (deflated.byteLength > input.byteLength + 5 * Math.ceil(input.byteLength / 65_535) + (final ? 2 : 0)) {
    throw new Error(`${input.byteLength} bytes became ${deflated.byteLength}`);
  }
  const ended = final ? deflated : Buffer.concat([deflated, Uint8Array.of(3, 0)]);
  const window = dictionary.subarray(-32_768);
  same(inflateRawSync(ended, { dictionary: window }), input, 'node:zlib');
  if (rounds % 4 === 0) same(inflateSync(ended, { dictionary: window }), input, 'fflate');
  // An instance that has never been used makes the same bytes: nothing of an earlier block is left.
  if (rounds % 4 === 1 && input.byteLength < 1_000_000) {
    same(createEncoder()(input, { level, dictionary: window, final }), deflated, 'a fresh instance');
  }
}

/** Several blocks, each with the one before as its dictionary, as one gzip member. */
function checkMember(random: Random, seed: number): void {
  const input = anything(random, seed, sizeFrom(random));
  const parts: Uint8Array[] = [Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)];
  let start = 0;
  do {
    const end = Math.min(input.byteLength, start + 1 + random(400_000));
    const dictionary = input.subarray(0, start);
    const level = (1 + random(6)) as DeflateLevel;
    parts.push(deflateBlock(input.subarray(start, end), { level, dictionary, final: end === input.byteLength }));
    start = end;
  } while (start < input.byteLength);
  same(inflateRawSync(Buffer.concat(parts.slice(1))), input, 'node:zlib, whole');
  same(inflateSync(Buffer.concat(parts.slice(1))), input, 'fflate, whole');
}

function same(actual: Uint8Array, expected: Uint8Array, decoder: string): void {
  if (Buffer.compare(actual, expected) !== 0) throw new Error(`${decoder} reads something else`);
}

function sizeFrom(random: Random): number {
  const size = Math.floor(2 ** (random(2_200) / 100)) - 1;
  return random(20) === 0 ? Math.max(0, 65_535 * (1 + random(20)) + random(5) - 2) : Math.min(size, 3 * 2 ** 20);
}

function anything(random: Random, seed: number, size: number): Uint8Array {
  const kind = random(kinds.length + 4);
  const input = kinds[kind] === undefined ? realBytes(random, size) : inputOf(kinds[kind], size, seed);
  if (random(4) === 0) {
    for (let i = random(200); i > 0 && size > 0; i -= 1) input[random(size)] = random(256);
  }
  bytesIn += size;
  return input;
}

/** Files of this machine, from anywhere within, end to end. */
function realBytes(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0, tries = 0; at < size && tries < 100; tries += 1) {
    const path = files[random(files.length)];
    if (path === undefined) break;
    at += readAt(path, bytes.subarray(at), random);
  }
  return bytes;
}

function readAt(path: string, into: Uint8Array, random: Random): number {
  try {
    const size = statSync(path).size;
    const file = openSync(path, 'r');
    const read = readSync(file, into, 0, into.byteLength, random(2) === 0 ? 0 : random(size));
    closeSync(file);
    return read;
  } catch {
    return 0;
  }
}

/** Does not follow links: some lead in circles. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });
}
