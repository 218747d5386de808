/** Whole numbers from 0 up to, not including, `below`: the same ones for the same seed on every machine. */
export type Random = (below: number) => number;

/** mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Fill = (bytes: Uint8Array, random: Random) => void;
type Character = 'noise' | 'letters' | 'runs' | 'zeros' | 'copies' | 'words' | 'fibonacci' | 'records';

/** Characters that input can have, each with what it is hard on. */
const fills: Readonly<Record<Character, Fill>> = {
  /** Nothing to gain. */
  noise(bytes, random) {
    for (let i = 0; i < bytes.byteLength; i += 1) bytes[i] = random(256);
  },
  /** Codes alone help; at two letters nothing else does. */
  letters(bytes, random) {
    const letters = 2 + random(30);
    const first = random(226);
    for (let i = 0; i < bytes.byteLength; i += 1) bytes[i] = first + random(letters);
  },
  /** Matches of the greatest length, many in a row. */
  runs(bytes, random) {
    for (let start = 0; start < bytes.byteLength; ) {
      const end = start + 1 + random(random(4) === 0 ? 5000 : 20);
      bytes.fill(random(256), start, end);
      start = end;
    }
  },
  zeros(bytes, random) {
    bytes.fill(0);
    for (let i = random(6); i > 0; i -= 1) bytes[random(Math.max(1, bytes.byteLength))] = random(256);
  },
  /** Copies at chosen distances, those at the edge of the window among them. */
  copies(bytes, random) {
    const far = [32_766, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_304, 1, 2, 3, 4, 7, 8, 15, 16, 17];
    for (let at = 0; at < bytes.byteLength; ) {
      for (let i = random(random(3) === 0 ? 700 : 6); i > 0 && at < bytes.byteLength; i -= 1) bytes[at++] = random(256);
      const distance = random(2) === 0 ? (far[random(far.length)] as number) : 1 + random(40_000);
      const length = random(3) === 0 ? 250 + random(300) : 2 + random(12);
      if (distance > at) continue;
      for (let i = 0; i < length && at < bytes.byteLength; i += 1) bytes[at] = bytes[at++ - distance] as number;
    }
  },
  /** Words, some much more frequent than others. */
  words(bytes, random) {
    const words = Array.from({ length: 300 }, () =>
      Uint8Array.from({ length: 1 + random(9) }, () => 97 + Math.min(random(26), random(26))),
    );
    for (let at = 0; at < bytes.byteLength; ) {
      const word = words[Math.min(random(300), random(300), random(300))] as Uint8Array;
      bytes.set(word.subarray(0, bytes.byteLength - at), at);
      at += word.byteLength;
      if (at < bytes.byteLength) bytes[at++] = 32;
    }
  },
  /** Counts like Fibonacci's numbers: Huffman's codes would be longer than allowed. */
  fibonacci(bytes, random) {
    const symbols: number[] = [];
    for (let a = 1, b = 1, letter = 0; letter < 40 && symbols.length < bytes.byteLength; letter += 1) {
      for (let i = 0; i < a && symbols.length < bytes.byteLength; i += 1) symbols.push(letter * 5);
      [a, b] = [b, a + b];
    }
    for (let i = 0; i < bytes.byteLength; i += 1) bytes[i] = symbols[random(symbols.length)] as number;
  },
  /** Records of one width, most fields the same as before: short matches at few distances. */
  records(bytes, random) {
    const width = 4 + random(60);
    for (let i = 0; i < bytes.byteLength; i += 1) {
      bytes[i] = i < width || random(5) === 0 ? random(64) : (bytes[i - width] as number);
    }
  },
};

export type Kind = Character | 'mixed';

export const kinds: readonly Kind[] = [...(Object.keys(fills) as Character[]), 'mixed'];

/** `size` bytes of one kind; `mixed` is all of them, in stretches. */
export function inputOf(kind: Kind, size: number, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const bytes = new Uint8Array(size);
  if (kind !== 'mixed') {
    fills[kind](bytes, random);
    return bytes;
  }
  const all = Object.values(fills);
  for (let start = 0; start < size; ) {
    const end = Math.min(size, start + 1 + random(random(2) === 0 ? 1000 : 150_000));
    (all[random(all.length)] as Fill)(bytes.subarray(start, end), random);
    start = end;
  }
  return bytes;
}
