import { assertArgument, someBytes } from '@slipway/arguments';
import { describe } from './fields.ts';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openingBracket, closingBracket, openingBrace, closingBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** What may be named twice: for a map, all readers take the last. */
const maps: ReadonlySet<string> = new Set(['annotations']);

/** Members that Go reads into an integer: it takes no `108.0` and no `107e0`, which JavaScript reads as one. */
const integers: ReadonlySet<string> = new Set(['size', 'schemaVersion']);
const numberForm = /^(?:0|[1-9]\d*)$/;

/**
 * Finds what two programs read in two ways in a manifest, an index or a list. A member that an object has twice:
 * JavaScript takes the last of them; Go fills one value from both, so that of two lists of layers the urls of the first
 * stay in the second; others refuse the document. A size that is written with a point, an exponent or a minus: some
 * take it for a whole number, Go refuses the document.
 *
 * @param bytes well-formed JSON
 * @returns what it is, for a message; undefined where there is one reading, as far as these go
 * @see https://www.rfc-editor.org/rfc/rfc8259#section-4
 */
export function secondReadingOf(bytes: Uint8Array): string | undefined {
  assertArgument('bytes', bytes, someBytes);
  const names: (Set<string> | undefined)[] = []; // of the objects around; undefined for a list and a map
  let name = '';
  let isNameNext = false;
  for (let at = 0; at < bytes.byteLength; at += 1) {
    switch (bytes[at]) {
      case openingBrace:
        isNameNext = !maps.has(name);
        names.push(isNameNext ? new Set() : undefined);
        name = '';
        break;
      case openingBracket:
        names.push(undefined);
        break;
      case closingBrace:
      case closingBracket:
        names.pop();
        isNameNext = false;
        break;
      case comma:
        isNameNext = names.at(-1) !== undefined;
        name = '';
        break;
      case quote: {
        const end = endOfText(bytes, at);
        if (isNameNext) {
          name = JSON.parse(new TextDecoder().decode(bytes.subarray(at, end + 1)));
          const known = names.at(-1);
          if (known?.has(name)) return `it names ${describe(name)} twice in one object`;
          known?.add(name);
          isNameNext = false;
        }
        at = end;
        break;
      }
      default: {
        const end = endOfNumber(bytes, at);
        if (end === at) break;
        const number = new TextDecoder().decode(bytes.subarray(at, end));
        const isInteger = names.at(-1) !== undefined && integers.has(name);
        // Whatever is no whole number for JavaScript either is refused with its place by who reads it.
        if (isInteger && !numberForm.test(number) && Number.isSafeInteger(Number(number)) && Number(number) >= 0) {
          return `expected ${name} to be a whole number in digits, got ${shortened(number)}`;
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Where the number that begins at `at` has ended; there, where none begins. */
function endOfNumber(bytes: Uint8Array, at: number): number {
  let end = at;
  const isBegun = bytes[at] === minus || isDigit(bytes[at]);
  while (isBegun && (isDigit(bytes[end]) || inNumbers.has(bytes[end] ?? 0))) end += 1;
  return end;
}

function isDigit(byte = 0): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const minus = 0x2d;
const inNumbers: ReadonlySet<number> = new Set([...'-+.eE'].map((letter) => letter.charCodeAt(0)));

/** Where the text that begins at `at` has its closing quote. */
function endOfText(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < bytes.byteLength && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  return end;
}
