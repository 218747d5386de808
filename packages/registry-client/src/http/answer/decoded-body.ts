import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import type { ByteStream } from '@slipway/digest';

/** A body that does not hold what its coding promises. */
export class CodingError extends Error {
  override name = 'CodingError';
}

/**
 * Undoes a content coding that nobody asked for: servers behind a cache send what they have. Bytes that are labelled as
 * coded and are not pass as they are (moby/moby#17595).
 *
 * @param coding the value of `Content-Encoding`
 * @throws {CodingError} when the coded bytes are damaged or cut short
 */
export async function* decodedBody(source: ByteStream, coding: string | undefined): ByteStream {
  const decode = decoderOf(coding);
  if (decode === undefined) return yield* source;
  const chunks = source[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  let length = 0;
  while (length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    start.push(next.value);
    length += next.value.byteLength;
  }
  const whole = resumed(start, chunks);
  const [first = 0, second = 0] = Buffer.concat(start);
  if (!decode.fits(first, second)) return yield* whole;
  let sourceError: unknown;
  const decoder = decode.open();
  pipeline(Readable.from(whole, { objectMode: false }), decoder, (error) => {
    sourceError = error;
  });
  try {
    for await (const chunk of decoder) yield chunk as Uint8Array;
  } catch (error) {
    const isDecoders =
      error instanceof Error &&
      'errno' in error &&
      /^(?:Z_|ERR_|ERR__)/.test(String('code' in error ? error.code : ''));
    throw isDecoders ? new CodingError(`${coding}: ${error.message}`, { cause: error }) : (sourceError ?? error);
  }
}

/** Whether a value of `Content-Encoding` names a coding that can be undone. */
export function isCoding(coding: string | undefined): boolean {
  return decoderOf(coding) !== undefined;
}

function decoderOf(coding: string | undefined): Decoder | undefined {
  return decoders.get((coding ?? '').trim().toLowerCase());
}

interface Decoder {
  /** Whether a body that begins with these bytes may be coded like this. */
  fits(first: number, second: number): boolean;
  open(): Transform;
}

const gzip: Decoder = { fits: (first, second) => first === 0x1f && second === 0x8b, open: () => createUnzip() };
const deflate: Decoder = {
  fits: (first, second) => (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0,
  open: () => createUnzip(),
};
const brotli: Decoder = {
  // It has no mark of its own: what begins like JSON or a web page is taken to be that.
  fits: (first, second) => !/^(?:[{[]["{[\s}\]]|<[!?\w]|"\w)/.test(String.fromCharCode(first, second)),
  open: () => createBrotliDecompress(),
};

const decoders: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['br', brotli],
]);

async function* resumed(start: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): ByteStream {
  try {
    yield* start;
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}
