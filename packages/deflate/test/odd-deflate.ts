import type { Random } from './corpus.ts';

const metaOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Bits as deflate has them: lowest first, codes highest first. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #used = 0;

  bits(value: number, size: number): this {
    for (let i = 0; i < size; i += 1) {
      if (this.#used % 8 === 0) this.#bytes.push(0);
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] as number) | (((value >>> i) & 1) << (this.#used % 8));
      this.#used += 1;
    }
    return this;
  }

  code(value: number, size: number): this {
    for (let i = size - 1; i >= 0; i -= 1) this.bits((value >>> i) & 1, 1);
    return this;
  }

  /** Up to the next byte boundary. */
  align(): this {
    return this.bits(0, (8 - (this.#used % 8)) % 8);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Codes of all symbols, as RFC 1951 derives them from their lengths. */
export function codesOf(lengths: readonly number[]): number[] {
  const next = new Array<number>(17).fill(0);
  for (let length = 1; length <= 15; length += 1) {
    next[length + 1] = ((next[length] as number) + lengths.filter((other) => other === length).length) * 2;
  }
  return lengths.map((length) => {
    const code = next[length] as number;
    next[length] = code + 1;
    return code;
  });
}

/**
 * A dynamic block's header, with each code length said by itself, in a code of code lengths that has 16 symbols of 4
 * bits.
 */
export function plainCodes(out: BitWriter, literals: readonly number[], distances: readonly number[]): void {
  out
    .bits(literals.length - 257, 5)
    .bits(distances.length - 1, 5)
    .bits(15, 4);
  for (const symbol of metaOrder) out.bits(symbol < 16 ? 4 : 0, 3);
  for (const length of [...literals, ...distances]) out.code(length, 4);
}

/**
 * Raw deflate of random blocks with random codes: what RFC 1951 allows and no encoder makes. With `mishaps`, one thing
 * or another in it is wrong now and then.
 */
export function oddDeflate(random: Random, mishaps: boolean): Uint8Array {
  const writer = new OddWriter(random, mishaps);
  for (let blocks = random(4); blocks >= 0; blocks -= 1) writer.block(blocks === 0);
  return writer.out.bytes();
}

class OddWriter {
  readonly out: BitWriter = new BitWriter();
  readonly #random: Random;
  readonly #mishaps: boolean;
  /** Plain bytes so far. */
  #size = 0;

  constructor(random: Random, mishaps: boolean) {
    this.#random = random;
    this.#mishaps = mishaps;
  }

  block(isFinal: boolean): void {
    const random = this.#random;
    this.out.bits(isFinal ? 1 : 0, 1);
    const type = random(5);
    if (this.#goesWrong(60)) this.out.bits(3, 2);
    else if (type === 0) this.#stored();
    else if (type === 1) this.#fixed();
    else this.#dynamic();
  }

  #goesWrong(oneIn: number): boolean {
    return this.#mishaps && this.#random(oneIn) === 0;
  }

  #stored(): void {
    const size = this.#random(this.#random(4) === 0 ? 66_000 : 50) & 0xffff;
    const check = ~size ^ (this.#goesWrong(20) ? 1 << this.#random(16) : 0);
    this.out.bits(0, 2).align().bits(size, 16).bits(check, 16);
    for (let i = 0; i < size; i += 1) this.out.bits(this.#random(256), 8);
    this.#size += size;
  }

  #fixed(): void {
    this.out.bits(1, 2);
    const literals = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
    this.#symbols(literals, new Array<number>(32).fill(5));
  }

  #dynamic(): void {
    const random = this.#random;
    const literals = this.#lengths(257 + random(this.#goesWrong(30) ? 32 : 30), 15, 256);
    const distances = this.#lengths(1 + random(this.#goesWrong(30) ? 32 : 30), 15, undefined);
    this.out.bits(2, 2);
    this.out.bits(literals.length - 257, 5).bits(distances.length - 1, 5);
    this.#sayLengths([...literals, ...distances]);
    this.#symbols(literals, distances);
  }

  /** Lengths of a complete code of some of `size` symbols, `needed` among them; of one symbol, it has a single bit. */
  #lengths(size: number, longest: number, needed: number | undefined): number[] {
    const random = this.#random;
    const count = Math.min(size, random(4) === 0 ? random(4) : random(size + 1));
    const symbols = new Set(needed === undefined ? [] : [needed]);
    while (symbols.size < count) symbols.add(random(size));
    const lengths = new Array<number>(size).fill(0);
    const leaves = splitLeaves(symbols.size, longest, random);
    for (const symbol of symbols) lengths[symbol] = leaves.splice(random(leaves.length), 1)[0] as number;
    if (this.#goesWrong(20)) lengths[random(size)] = random(longest + 1);
    return lengths;
  }

  #sayLengths(lengths: readonly number[]): void {
    const random = this.#random;
    const words: (readonly [symbol: number, extra: number, bits: number])[] = [];
    for (let i = 0; i < lengths.length; ) {
      const length = lengths[i] as number;
      let times = 1;
      while (lengths[i + times] === length && times < 138) times += 1;
      const isRepeat = i > 0 && lengths[i - 1] === length && times >= 3 && random(4) > 0;
      const isZeros = length === 0 && times >= 3 && random(8) > 0;
      if (isZeros && times > 10) words.push([18, times - 11, 7]);
      else if (isZeros) words.push([17, times - 3, 3]);
      else if (isRepeat) words.push([16, Math.min(times, 6) - 3, 2]);
      else words.push([length, 0, 0]);
      i += isZeros ? times : isRepeat ? Math.min(times, 6) : 1;
    }
    if (this.#goesWrong(30)) words.splice(random(words.length + 1), 0, [16 + random(3), 0, 2]);
    const used = new Set(words.map(([symbol]) => symbol));
    while (used.size < 2 || random(3) === 0) used.add(random(19));
    const metas = new Array<number>(19).fill(0);
    const leaves = splitLeaves(used.size, 7, random);
    for (const symbol of used) metas[symbol] = leaves.splice(random(leaves.length), 1)[0] as number;
    if (this.#goesWrong(30)) metas[random(19)] = random(8);
    const said = 1 + metaOrder.reduce((last, symbol, i) => ((metas[symbol] as number) > 0 ? i : last), 3);
    const all = said + random(20 - said);
    this.out.bits(all - 4, 4);
    for (const symbol of metaOrder.slice(0, all)) this.out.bits(metas[symbol] as number, 3);
    const codes = codesOf(metas);
    for (const [symbol, extra, bits] of words) {
      this.out.code(codes[symbol] as number, metas[symbol] as number).bits(extra, bits);
    }
  }

  #symbols(literals: readonly number[], distances: readonly number[]): void {
    const random = this.#random;
    const literalCodes = codesOf(literals);
    const distanceCodes = codesOf(distances);
    const usable = usedOf(literals).filter((symbol) => symbol !== 256 && (symbol < 286 || this.#goesWrong(50)));
    const distanceSymbols = usedOf(distances).filter((symbol) => symbol < 30 || this.#goesWrong(50));
    for (let i = usable.length && random(2 ** random(13)); i > 0; i -= 1) {
      const symbol = usable[random(usable.length)] as number;
      if (symbol < 256) {
        this.out.code(literalCodes[symbol] as number, literals[symbol] as number);
        this.#size += 1;
        continue;
      }
      const distance = distanceSymbols[random(distanceSymbols.length)];
      if (distance === undefined) continue;
      const distanceBits = Math.max(0, (distance >>> 1) - 1);
      const base = distance < 4 ? distance + 1 : 1 + ((2 + (distance & 1)) << distanceBits);
      const most = Math.min(this.#size - base, 2 ** distanceBits - 1);
      if (most < 0 && !this.#goesWrong(200)) continue;
      const step = symbol - 257;
      const lengthBits = step < 8 || step >= 28 ? 0 : (step >>> 2) - 1;
      const more = random(2 ** lengthBits);
      this.out.code(literalCodes[symbol] as number, literals[symbol] as number).bits(more, lengthBits);
      this.out.code(distanceCodes[distance] as number, distances[distance] as number);
      this.out.bits(most < 0 ? 0 : random(most + 1 + (this.#goesWrong(500) ? 1 : 0)), distanceBits);
      const lengthBase = step < 8 ? step + 3 : step >= 28 ? 258 : ((4 + (step & 3)) << lengthBits) + 3;
      this.#size += lengthBase + more;
    }
    if (!this.#goesWrong(60)) this.out.code(literalCodes[256] as number, literals[256] as number);
  }
}

function usedOf(lengths: readonly number[]): number[] {
  return lengths.flatMap((length, symbol) => (length > 0 ? [symbol] : []));
}

/** Lengths of a complete code of `count` symbols: shallow, deep, or in between. One symbol has one bit. */
function splitLeaves(count: number, longest: number, random: Random): number[] {
  const leaves = count === 1 ? [1] : [0];
  const bias = random(3);
  while (leaves.length < count) {
    let at = random(leaves.length);
    if (bias === 1) at = leaves.lastIndexOf(Math.max(...leaves.filter((length) => length < longest)));
    if (bias === 2) at = leaves.indexOf(Math.min(...leaves));
    const length = leaves[at] as number;
    if (length >= longest) continue;
    leaves.splice(at, 1, length + 1, length + 1);
  }
  return leaves;
}
