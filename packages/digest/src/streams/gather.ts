/** Smaller chunks cost a system call, and over TLS a record, each. */
const worthSending = 32 * 1024;

/**
 * Joins small chunks, in order, until they are worth sending; larger ones pass untouched. Where the source writes over
 * its chunks, small ones are copied.
 */
export async function* gathered(
  chunks: AsyncIterable<Uint8Array>,
  isReused = false,
): AsyncGenerator<Uint8Array, void, void> {
  let small: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    if (chunk.byteLength === 0) continue;
    if (size === 0 && chunk.byteLength >= worthSending) {
      yield chunk;
      continue;
    }
    small.push(isReused ? new Uint8Array(chunk) : chunk);
    size += chunk.byteLength;
    if (size < worthSending) continue;
    yield join(small, size);
    small = [];
    size = 0;
  }
  if (size > 0) yield join(small, size);
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}
