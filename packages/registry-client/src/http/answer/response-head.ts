/** What the first bytes of an answer turned out to be. */
export type HeadReading =
  /** More bytes are needed. */
  | { readonly kind: 'partial' }
  /** An interim answer (100, 102, 103), which ends before `end`: the answer itself is still to come. */
  | { readonly kind: 'interim'; readonly end: number }
  /** The head as a strict parser takes it, for the bytes before `end`. */
  | { readonly kind: 'final'; readonly head: string; readonly end: number }
  /** No HTTP/1 at all: for the parser to say so. */
  | { readonly kind: 'other' };

/**
 * Reads the head of an HTTP/1 answer the way clients have to take it, where the parser at work here refuses: interim
 * answers that nobody asked for (RFC 9110, 15.2), bare line feeds (RFC 9112, 2.2), the same Content-Length twice (RFC
 * 9110, 8.6), Content-Length beside a Transfer-Encoding that overrides it (RFC 9112, 6.3), space before a colon (RFC
 * 9112, 5.1).
 *
 * @param text the bytes received so far, as latin1
 */
export function readResponseHead(text: string): HeadReading {
  const start = /^(?:\r?\n)*/.exec(text)?.[0].length ?? 0;
  const line = text.slice(start, start + 12);
  if (!'HTTP/1.'.startsWith(line.slice(0, 7))) return { kind: 'other' };
  const ending = /\r?\n\r?\n/g;
  ending.lastIndex = start;
  const match = ending.exec(text);
  if (match === null) return { kind: 'partial' };
  const end = match.index + match[0].length;
  if (/^HTTP\/1\.\d 1(?!01)\d\d$/.test(line)) return { kind: 'interim', end };
  return { kind: 'final', head: normalized(text.slice(start, match.index)), end };
}

function normalized(head: string): string {
  const [status = '', ...lines] = head.split(/\r?\n/);
  const fields = lines.map((line) => line.replace(/^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+:/, '$1:'));
  const isChunked = fields.some((line) => /^transfer-encoding:.*\bchunked[ \t]*$/i.test(line));
  const lengths = new Set(fields.flatMap((line) => (isLength(line) ? lengthsOf(line) : [])));
  const kept = fields.filter((line) => !isLength(line));
  // Of several lengths nobody knows which one holds: what is no number is refused by the parser.
  if (!isChunked && lengths.size > 0)
    kept.push(`Content-Length: ${lengths.size > 1 ? 'unclear' : [...lengths].join()}`);
  // Two lengths may be an attempt to smuggle an answer into the next one: no next one comes on this connection.
  if (isChunked && lengths.size > 0) kept.push('Connection: close');
  return [status, ...kept, '', ''].join('\r\n');
}

function isLength(line: string): boolean {
  return /^content-length:/i.test(line);
}

function lengthsOf(line: string): readonly string[] {
  return line
    .slice(line.indexOf(':') + 1)
    .split(',')
    .map((value) => value.trim());
}
