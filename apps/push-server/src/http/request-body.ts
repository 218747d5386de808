import type { IncomingMessage } from 'node:http';
import type { ByteStream } from '@slipway/digest';
import { RequestError } from '../errors.ts';
import { inTime } from '../in-time.ts';

export interface RequestBodyOptions {
  /** More is refused with 413; 0 for no limit. */
  readonly maxBytes: number;
  /** Silence longer than this is refused with 408, and so is less than 1 KiB a second over it; 0 for no limit. */
  readonly idleTimeoutMs: number;
}

/** Below this, somebody holds a place and does not use it. */
const leastBytesPerSecond = 1024;

/**
 * The body of a request, as it comes.
 *
 * @throws {RequestError} 413, 408; 400 when the client goes away before its end
 */
export async function* readBody(
  request: IncomingMessage,
  { maxBytes, idleTimeoutMs }: RequestBodyOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const tooLarge = (): RequestError => new RequestError(413, `the body is larger than ${maxBytes} bytes`);
  const announced = Number(request.headers['content-length'] ?? 0);
  if (maxBytes > 0 && announced > maxBytes) throw tooLarge();
  const chunks = request.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let size = 0;
  let waitedMs = 0;
  let cameBytes = 0;
  try {
    for (;;) {
      const asked = performance.now();
      const coming = chunks.next();
      const next = await (idleTimeoutMs > 0 ? inTime(coming, idleTimeoutMs, silent) : coming).catch(
        (error: unknown) => {
          if (error instanceof RequestError) throw error;
          throw new RequestError(400, 'the client went away before the end of the body', { cause: error });
        },
      );
      if (next.done === true) return;
      size += next.value.byteLength;
      cameBytes += next.value.byteLength;
      waitedMs += performance.now() - asked; // without the time that we take ourselves
      if (idleTimeoutMs > 0 && waitedMs >= idleTimeoutMs) {
        if (cameBytes < (waitedMs / 1000) * leastBytesPerSecond)
          throw new RequestError(408, 'the body comes too slowly');
        waitedMs = 0;
        cameBytes = 0;
      }
      if (maxBytes > 0 && size > maxBytes) throw tooLarge();
      yield next.value;
    }
  } finally {
    void chunks.return?.(); // what is left can be read by somebody else; one that is waited for is not waited for here
  }
}

/**
 * A small JSON body; undefined when there is none.
 *
 * @throws {RequestError} 400 when it is no JSON, and as {@link readBody}
 */
export async function readJSONBody(
  request: IncomingMessage,
  { maxBytes = 64 * 1024, idleTimeoutMs }: Partial<RequestBodyOptions> & Pick<RequestBodyOptions, 'idleTimeoutMs'>,
): Promise<unknown> {
  const chunks = await collect(readBody(request, { maxBytes, idleTimeoutMs }));
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RequestError(400, `the body is no JSON: ${(cause as Error).message}`, { cause });
  }
}

async function collect(stream: ByteStream): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

function silent(): RequestError {
  return new RequestError(408, 'the body did not go on in time');
}
