/** One way to authenticate that a registry offers in `WWW-Authenticate`. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Keys in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads `WWW-Authenticate` as docker does: one challenge a header line; reading stops without complaint at the first
 * malformed piece, and at an empty value. Takes time linear in the length of the line.
 *
 * @see https://github.com/distribution/distribution/blob/v2.8.3/registry/client/auth/challenge/authchallenge.go
 */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap((line) => parseChallenge(line) ?? []);
}

function parseChallenge(line: string): Challenge | undefined {
  const scheme = tokenAt(line, 0);
  if (scheme === '') return undefined;
  const parameters = new Map<string, string>();
  let position = skipSpace(line, scheme.length);
  for (;;) {
    const key = tokenAt(line, skipSpace(line, position));
    if (key === '') break;
    position = skipSpace(line, position) + key.length;
    if (line[position] !== '=') break;
    const value = valueAt(line, position + 1);
    if (value === undefined || value.text === '') break;
    parameters.set(key.toLowerCase(), value.text);
    position = skipSpace(line, value.end);
    if (line[position] !== ',') break;
    position += 1;
  }
  return { scheme: scheme.toLowerCase(), parameters };
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

function skipSpace(line: string, start: number): number {
  let end = start;
  while (line[end] === ' ' || line[end] === '\t' || line[end] === '\r' || line[end] === '\n') end += 1;
  return end;
}

/** A token or a quoted string with its backslashes undone; undefined when the closing quote is missing. */
function valueAt(line: string, start: number): { readonly text: string; readonly end: number } | undefined {
  if (line[start] !== '"') {
    const text = tokenAt(line, start);
    return { text, end: start + text.length };
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
