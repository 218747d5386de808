import { CompressionError } from '../errors.ts';
import type { ByteStream } from '../streams/content.ts';
import { createXzDecoder, type XzDecoder, xzFields, xzResults } from './xz-wasm.ts';

/**
 * Decodes xz, with any number of streams and padding between them, in constant memory: dictionaries up to 64 MiB, which
 * is what `xz -9` makes.
 *
 * @see https://tukaani.org/xz/xz-file-format-1.2.1.txt
 */
export async function* unxz(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  const input = new Input(source);
  try {
    const decoder = await createXzDecoder();
    while (await input.hasMore()) {
      yield* oneStream(decoder, input);
      await input.skipZeros();
    }
  } finally {
    await input.close();
  }
}

async function* oneStream(decoder: XzDecoder, input: Input): AsyncGenerator<Uint8Array, void, void> {
  const context = decoder.create_context();
  // Looked at afresh each time: memory that grows is another buffer.
  const fields = (): Uint32Array => new Uint32Array(decoder.memory.buffer, context, 6);
  const bytes = (at: number, size: number): Uint8Array => new Uint8Array(decoder.memory.buffer, at, size);
  const field = (name: keyof typeof xzFields): number => fields()[xzFields[name]] ?? 0;
  try {
    for (;;) {
      let isAtEnd = false;
      if (field('inputRead') === field('inputSize')) {
        isAtEnd = !(await input.hasMore());
        const chunk = input.take(field('bufferSize'));
        bytes(field('inputAt'), chunk.byteLength).set(chunk);
        decoder.supply_input(context, chunk.byteLength);
      }
      const result = decoder.get_next_output(context);
      if (result !== xzResults.ok && result !== xzResults.streamEnd) throw failure(result, isAtEnd);
      const plain = bytes(field('outputAt'), field('outputSize')).slice();
      fields()[xzFields.outputSize] = 0;
      if (plain.byteLength > 0) yield plain;
      if (result === xzResults.streamEnd) {
        const read = field('inputRead');
        input.giveBack(bytes(field('inputAt') + read, field('inputSize') - read).slice());
        return;
      }
    }
  } finally {
    decoder.destroy_context(context);
  }
}

function failure(result: number, isAtEnd: boolean): CompressionError {
  if (result === xzResults.memoryLimit || result === xzResults.options) {
    const what = 'a dictionary of more than 64 MiB, a filter or a kind of check that is not known here';
    return new CompressionError('ERR_COMPRESSION_UNSUPPORTED', `Decompressing xz: the stream has ${what}`);
  }
  const reason = isAtEnd && result === xzResults.noProgress ? 'unexpected end' : 'invalid data';
  return new CompressionError('ERR_COMPRESSION_CORRUPT', `Decompressing xz: ${reason}`);
}

/** A stream that is taken in pieces of any size. */
class Input {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(source: ByteStream) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Whether there is a byte to take. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.byteLength === 0) {
      const { done, value } = await this.#iterator.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }

  take(most: number): Uint8Array {
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.byteLength);
    return taken;
  }

  giveBack(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    const joined = new Uint8Array(bytes.byteLength + this.#rest.byteLength);
    joined.set(bytes);
    joined.set(this.#rest, bytes.byteLength);
    this.#rest = joined;
  }

  async skipZeros(): Promise<void> {
    while (await this.hasMore()) {
      const end = this.#rest.findIndex((byte) => byte !== 0);
      this.#rest = this.#rest.subarray(end === -1 ? this.#rest.byteLength : end);
      if (end !== -1) return;
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
