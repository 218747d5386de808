/** One way to authenticate that a registry offers in `WWW-Authenticate`. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Keys in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads `WWW-Authenticate`: lines of one or more challenges each. Reading a line stops without complaint at its first
 * malformed piece, and at an empty value. Takes time linear in the length of the line.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.www-authenticate
 */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap(parseLine);
}

function parseLine(line: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let scheme = tokenAt(line, 0);
  let position = scheme.length;
  while (scheme !== '') {
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    ({ scheme, position } = readParameters(line, position, parameters));
  }
  return challenges;
}

/** Reads what follows a scheme. Returns the scheme of the next challenge in the line, '' where there is none. */
function readParameters(
  line: string,
  start: number,
  parameters: Map<string, string>,
): { scheme: string; position: number } {
  const none = { scheme: '', position: line.length };
  let position = skipSpace(line, skipToken68(line, skipSpace(line, start)));
  let isAfterComma = false;
  for (;;) {
    if (parameters.size === 0 && !isAfterComma && line[position] === ',') {
      isAfterComma = true; // a scheme alone
      position = skipSpace(line, position + 1);
    }
    const key = tokenAt(line, position);
    const end = position + key.length;
    const equals = skipSpace(line, end);
    if (key === '') return none;
    if (line[equals] !== '=') {
      const isScheme = isAfterComma && (end === line.length || skipSpace(line, end) > end || line[end] === ',');
      return isScheme ? { scheme: key, position: end } : none;
    }
    if (isAfterComma && parameters.size === 0) return none;
    const value = valueAt(line, skipSpace(line, equals + 1));
    if (value === undefined || value.text === '') return none;
    parameters.set(key.toLowerCase(), value.text);
    position = skipSpace(line, value.end);
    if (line[position] !== ',') return none;
    isAfterComma = true;
    while (line[position] === ',') position = skipSpace(line, position + 1);
  }
}

/** Steps over a value without a key, as Negotiate has one. */
function skipToken68(line: string, start: number): number {
  const pattern = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
  pattern.lastIndex = start;
  const match = pattern.exec(line);
  return match === null ? start : start + match[0].length;
}

const separators: ReadonlySet<string> = new Set(' \t"(),/:;<=>?@[]\\{}');

/** The longest run of token characters that begins at `start`. */
function tokenAt(line: string, start: number): string {
  let end = start;
  while (end < line.length && isTokenCharacter(line[end] ?? '')) end += 1;
  return line.slice(start, end);
}

function isTokenCharacter(character: string): boolean {
  return character > '\u001f' && character < '\u007f' && !separators.has(character);
}

function isUnquotedCharacter(character: string): boolean {
  return character > ' ' && character < '\u007f' && character !== ',' && character !== ';' && character !== '"';
}

function skipSpace(line: string, start: number): number {
  let end = start;
  while (line[end] === ' ' || line[end] === '\t' || line[end] === '\r' || line[end] === '\n') end += 1;
  return end;
}

/**
 * A quoted string with its backslashes undone, or what runs to the next separator: a URL without quotes is no token,
 * and some registries write it so. Undefined when the closing quote is missing.
 */
function valueAt(line: string, start: number): { readonly text: string; readonly end: number } | undefined {
  if (line[start] !== '"') {
    let end = start;
    while (end < line.length && isUnquotedCharacter(line[end] ?? '')) end += 1;
    return { text: line.slice(start, end), end };
  }
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (character === '"') return { text, end: at + 1 };
    if (character === '\\') at += 1;
    text += line[at] ?? '';
  }
  return undefined;
}
