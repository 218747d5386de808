// Has the decoder read random gzip, whole, odd and damaged, until the time is up: its verdict must be that of
// node:zlib. Usage: node --conditions=@slipway/source fuzz/inflate.ts [MINUTES] [SEED] (Node 22.18 or newer, which runs
// TypeScript)
import { constants, deflateRawSync } from 'node:zlib';
import { deflateSync } from 'fflate';
import { type DeflateLevel, deflateBlock } from '../src/index.ts';
import { createGunzipHashPool, type GunzipHash } from '../src/pool.ts';
import { inputOf, kinds, type Random, randomFrom } from '../test/corpus.ts';
import {
  bareHeader,
  cut,
  damaged,
  gunzipHash,
  hashOf,
  headerOf,
  inflateReading,
  memberOf,
  zlibHash,
} from '../test/gzip-streams.ts';
import { oddDeflate } from '../test/odd-deflate.ts';

const [minutes = '60', seedText = String(Date.now() % 1_000_000_000)] = process.argv.slice(2);
const deadline = Date.now() + Number(minutes) * 60_000;
const firstSeed = Number(seedText);
/** Cases that the thread has at once. */
const atOnce = 4;
const pool = createGunzipHashPool({ threads: 1 });
let seeds = 0;
let bytesOut = 0;
let accepted = 0;

for (; Date.now() < deadline; seeds += atOnce) {
  await Promise.all(Array.from({ length: atOnce }, (_, i) => checkSeed(firstSeed + seeds + i)));
  if ((seeds / atOnce) % 5000 === 4999) report();
}
report();
await pool[Symbol.asyncDispose]();

function report(): void {
  const { user, system } = process.cpuUsage();
  const plain = `${Math.round(bytesOut / 2 ** 20)} MiB of plain bytes, ${((user + system) / 6e7).toFixed(1)} min of CPU`;
  process.stdout.write(
    `seeds ${firstSeed} to ${firstSeed + seeds - 1}: ${accepted} accepted by both, ${plain}, no failure\n`,
  );
}

async function checkSeed(seed: number): Promise<void> {
  const random = randomFrom(seed);
  try {
    const which = random(16);
    if (which === 0) await checkWhole(random, seed);
    else if (which < 4) await checkMembers(damaged(members(random, seed, 3000), random), random);
    else if (which < 8) await checkDeflate(damaged(deflated(random, anything(random, seed, 3000)), random), random);
    else if (which < 12) await checkDeflate(oddDeflate(random, which < 10), random);
    else await checkDeflate(damaged(oddDeflate(random, false), random), random);
  } catch (error) {
    process.stderr.write(`seed ${seed} fails: ${String(error)}\n`);
    process.exit(1);
  }
}

/** What is not damaged comes out as it went in. */
async function checkWhole(random: Random, seed: number): Promise<void> {
  const plain = anything(random, seed, 2 ** 21);
  const header = anyHeader(random);
  await checkReading(memberOf(deflated(random, plain), plain, header), hashOf(plain), random);
}

async function checkMembers(bytes: Uint8Array, random: Random): Promise<void> {
  await checkReading(bytes, zlibHash(bytes), random);
}

/**
 * Raw deflate, in a member that is right whenever zlib reads the deflate: no checksum refuses what the decoder should
 * have.
 */
async function checkDeflate(bytes: Uint8Array, random: Random): Promise<void> {
  const { plain, read, code } = inflateReading(bytes);
  if (plain !== undefined) return checkReading(memberOf(bytes.subarray(0, read), plain), hashOf(plain), random);
  if (code === 'Z_BUF_ERROR') await checkReading(Buffer.concat([bareHeader, bytes]), undefined, random);
  else await checkReading(memberOf(bytes, new Uint8Array(0)), undefined, random, 'invalid data');
}

async function checkReading(
  bytes: Uint8Array,
  expected: GunzipHash | undefined,
  random: Random,
  reason = '',
): Promise<void> {
  const sizes = Array.from({ length: 1 + random(4) }, () => random(2 ** random(18)));
  const few = bytes.byteLength >> 6;
  const pieces = cut(bytes, random(20) === 0 && few < 40 ? [1] : [...sizes, few]);
  const actual = await gunzipHash(pool, pieces).catch((error: Error) => error);
  if (actual instanceof Error) {
    if (expected !== undefined) throw new Error(`refused, but zlib reads it: ${actual.message}`);
    if (!actual.message.startsWith('Unpacking gzip: ') || !actual.message.endsWith(reason)) {
      throw new Error(`expected ${reason}, got ${actual.message}`);
    }
    return;
  }
  if (expected === undefined) throw new Error('read, but zlib refuses it');
  if (actual.hash !== expected.hash || actual.size !== expected.size) throw new Error('zlib reads something else');
  accepted += 1;
  bytesOut += actual.size;
}

function members(random: Random, seed: number, most: number): Uint8Array {
  const parts = Array.from({ length: random(3) + 1 }, (_, i) => {
    const plain = anything(random, seed + i, most);
    return memberOf(deflated(random, plain), plain, anyHeader(random));
  });
  return Buffer.concat(parts);
}

function deflated(random: Random, plain: Uint8Array): Uint8Array {
  const encoder = random(5);
  if (encoder === 0) return deflateSync(plain, { level: random(10) as 0 });
  if (encoder === 1) return deflateBlock(plain, { level: (1 + random(6)) as DeflateLevel });
  const strategies = [
    ...[constants.Z_DEFAULT_STRATEGY, constants.Z_FILTERED],
    ...[constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED],
  ];
  const strategy = strategies[random(5)] as number;
  return deflateRawSync(plain, { strategy, level: random(10), memLevel: 1 + random(9), windowBits: 9 + random(7) });
}

function anyHeader(random: Random): Uint8Array {
  if (random(2) === 0) return bareHeader;
  const text = (): string | undefined => (random(2) === 0 ? 'n'.repeat(random(2 ** random(10))) : undefined);
  const extra = random(3) === 0 ? new Uint8Array(random(2 ** random(17))) : undefined;
  return headerOf({ extra, name: text(), comment: text(), isChecked: random(2) === 0 });
}

function anything(random: Random, seed: number, most: number): Uint8Array {
  return inputOf(kinds[random(kinds.length)] ?? 'mixed', Math.min(most, random(2 ** random(22))), seed);
}
