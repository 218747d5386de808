import type { ByteStream, Content } from '@slipway/digest';
import type { StreamedContent } from '../../repository.ts';

/** What a request carries. */
export interface RequestBody {
  /** Bytes in all; undefined where only the end of the stream tells. */
  readonly size: number | undefined;
  /** Whether `open` may be called again, so that the request can be repeated. */
  readonly isRepeatable: boolean;
  open(signal: AbortSignal): ByteStream;
}

/** The bytes of `content` from an offset on. */
export function bodyOfContent(content: Content, from = 0): RequestBody {
  return {
    size: content.size - from,
    isRepeatable: true,
    open: (signal) => content.open({ from, signal, reuse: true }),
  };
}

/** All bytes of `content` from an offset on, however many there are. */
export function bodyOfStreamed(content: StreamedContent, from: number): RequestBody {
  return { size: undefined, isRepeatable: true, open: (signal) => content.open({ from, signal, reuse: true }) };
}

/** A stream that can be read once. Each chunk is used up before the next one is asked for. */
export function bodyOfStream(stream: ByteStream): RequestBody {
  return { size: undefined, isRepeatable: false, open: () => stream };
}

/** Bytes at hand. */
export function bodyOfBytes(bytes: Uint8Array): RequestBody {
  return {
    size: bytes.byteLength,
    isRepeatable: true,
    async *open() {
      if (bytes.byteLength > 0) yield bytes;
    },
  };
}
