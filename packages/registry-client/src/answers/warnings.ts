/**
 * What the `Warning` headers of an answer say, for people to read. The distribution specification narrows RFC 7234's
 * grammar: `299 - "text"`; other codes are those of caches, and ignored, as is what is malformed or lies beyond the
 * 4096 bytes that the specification allows. Nothing in the texts can move a terminal's cursor, or turn its writing
 * round.
 *
 * @param lines the lines of the header, each with one warning or several
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings
 */
export function readWarnings(lines: readonly string[]): readonly string[] {
  const texts: string[] = [];
  let room = mostBytes;
  for (const line of lines) {
    const value = line.slice(0, room);
    room -= value.length;
    // A warning ends where the next one begins, or the line: a cut one is none.
    const warning = /[\s,]*(\d{3})[ \t]+([^\s,"]+)[ \t]+"((?:[^"\\]|\\.)*)"(?:[ \t]+"[^"]*")?[ \t]*(?=,|$)/sy;
    for (let match = warning.exec(value); match !== null; match = warning.exec(value)) {
      const [, code, agent, quoted = ''] = match;
      const text = readable(quoted.replace(/\\(.)/gs, '$1'));
      if (code === '299' && agent === '-' && text !== '') texts.push(text);
    }
  }
  return [...new Set(texts)];
}

const mostBytes = 4_096;

function readable(text: string): string {
  return inUTF8(text)
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '') // they change the direction of what follows
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** The bytes of a header come as characters of Latin-1 each, and are UTF-8 today. */
function inUTF8(text: string): string {
  if (/[^\0-\xff]/.test(text)) return text;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}
