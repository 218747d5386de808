/**
 * Why a text is not JSON, in the words of Go's parser, since docker shows them. The text is known not to parse.
 *
 * @see https://github.com/golang/go/blob/go1.21.0/src/encoding/json/scanner.go
 */
export function describeJSONError(text: string): string {
  const open: ('{' | '[')[] = [];
  let at = 0;
  let expected: Expected = 'value';
  for (;;) {
    at = skipSpace(text, at);
    const character = text[at];
    if (character === undefined) break;
    const step = advance(text, at, expected, open);
    if (step.error !== undefined) return step.error;
    at = step.at;
    expected = step.expected;
  }
  return 'unexpected end of JSON input';
}

type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing';

interface Step {
  readonly at: number;
  readonly expected: Expected;
  readonly error?: string;
}

function advance(text: string, at: number, expected: Expected, open: ('{' | '[')[]): Step {
  const character = text[at] ?? '';
  const closed = (): Step => {
    open.pop();
    return { at: at + 1, expected: afterValue(open) };
  };
  switch (expected) {
    case 'value or end':
      if (character === ']') return closed();
      return beginValue(text, at, open);
    case 'value':
      return beginValue(text, at, open);
    case 'key or end':
      if (character === '}') return closed();
      return beginKey(text, at);
    case 'key':
      return beginKey(text, at);
    case 'colon':
      return character === ':' ? { at: at + 1, expected: 'value' } : invalid(text, at, 'after object key');
    case 'comma or end': {
      const isObject = open.at(-1) === '{';
      if (character === ',') return { at: at + 1, expected: isObject ? 'key' : 'value' };
      if (character === (isObject ? '}' : ']')) return closed();
      return invalid(text, at, isObject ? 'after object key:value pair' : 'after array element');
    }
    case 'nothing':
      return invalid(text, at, 'after top-level value');
    default:
      return expected satisfies never;
  }
}

function afterValue(open: readonly string[]): Expected {
  return open.length === 0 ? 'nothing' : 'comma or end';
}

function beginKey(text: string, at: number): Step {
  if (text[at] !== '"') return invalid(text, at, 'looking for beginning of object key string');
  return readString(text, at, 'colon');
}

function beginValue(text: string, at: number, open: ('{' | '[')[]): Step {
  const character = text[at] ?? '';
  if (character === '{' || character === '[') {
    open.push(character);
    return { at: at + 1, expected: character === '{' ? 'key or end' : 'value or end' };
  }
  if (character === '"') return readString(text, at, afterValue(open));
  if (character === '-' || isDigit(character)) return readNumber(text, at, afterValue(open));
  for (const word of ['true', 'false', 'null']) {
    if (character === word[0]) return readWord(text, at, word, afterValue(open));
  }
  return invalid(text, at, 'looking for beginning of value');
}

function readString(text: string, start: number, expected: Expected): Step {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (character === '"') return { at: at + 1, expected };
    if (character < ' ') return invalid(text, at, 'in string literal');
    if (character !== '\\') continue;
    at += 1;
    if (text[at] === 'u') {
      for (let digit = 1; digit <= 4; digit += 1) {
        const hex = text[at + digit];
        if (hex !== undefined && !/[0-9a-fA-F]/.test(hex)) {
          return invalid(text, at + digit, 'in \\u hexadecimal character escape');
        }
      }
      at += 4;
    } else if (at < text.length && !'"\\/bfnrt'.includes(text[at] ?? '')) {
      return invalid(text, at, 'in string escape code');
    }
  }
  return { at: text.length, expected };
}

function readNumber(text: string, start: number, expected: Expected): Step {
  let at = text[start] === '-' ? start + 1 : start;
  if (at < text.length && !isDigit(text[at])) return invalid(text, at, 'in numeric literal');
  at = text[at] === '0' ? at + 1 : skipDigits(text, at);
  if (text[at] === '.') {
    at += 1;
    if (at < text.length && !isDigit(text[at])) return invalid(text, at, 'after decimal point in numeric literal');
    at = skipDigits(text, at);
  }
  if (text[at] === 'e' || text[at] === 'E') {
    at += 1;
    if (text[at] === '+' || text[at] === '-') at += 1;
    if (at < text.length && !isDigit(text[at])) return invalid(text, at, 'in exponent of numeric literal');
    at = skipDigits(text, at);
  }
  return { at, expected };
}

function readWord(text: string, start: number, word: string, expected: Expected): Step {
  for (let index = 1; index < word.length; index += 1) {
    const character = text[start + index];
    if (character !== undefined && character !== word[index]) {
      return invalid(text, start + index, `in literal ${word} (expecting '${word[index]}')`);
    }
  }
  return { at: start + word.length, expected };
}

function invalid(text: string, at: number, context: string): Step {
  return { at, expected: 'nothing', error: `invalid character ${quoteByte(text, at)} ${context}` };
}

/** Go quotes the first byte of a character's UTF-8, as if that byte were a character. */
function quoteByte(text: string, at: number): string {
  const byte = new TextEncoder().encode(String.fromCodePoint(text.codePointAt(at) ?? 0))[0] ?? 0;
  if (byte === 0x27) return "'\\''";
  if (byte === 0x22) return `'"'`;
  if (byte < 0x20 || byte === 0x5c || byte === 0x7f) return `'${controlEscapes.get(byte) ?? `\\x${hex(byte)}`}'`;
  return byte >= 0x80 && byte <= 0xa0 ? `'\\u00${hex(byte)}'` : `'${String.fromCharCode(byte)}'`;
}

const controlEscapes: ReadonlyMap<number, string> = new Map([
  [0x07, '\\a'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0b, '\\v'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x5c, '\\\\'],
]);

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}

function skipDigits(text: string, start: number): number {
  let at = start;
  while (isDigit(text[at])) at += 1;
  return at;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at += 1;
  return at;
}
