import type { AbortOptions, Content } from '@slipway/digest';
import type { UploadSession } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import type { FormReader } from '../form/form.ts';
import { FormFailure } from '../form/form-failure.ts';
import { finishing } from './finishing.ts';
import { untilStored } from './until-stored.ts';

/** Bytes of a chunk: what is sent again at most after the worst interruption. */
export const defaultChunkSize: number = 32 * 1024 * 1024;

/**
 * How often in a row the registry may say that it is elsewhere, or has less than half of a chunk, before that is a
 * failure: what it does not acknowledge is sent again.
 */
const maxCorrections = 3;

export interface SendChunksOptions extends AbortOptions {
  /** Bytes of one chunk at most. */
  readonly size: number;
  readonly onProgress: (sent: number) => void;
  /** Told once a second while the registry has the whole chunk and is silent. */
  readonly onStoring: (seconds: number) => void;
  /** After each chunk that the registry acknowledged. */
  readonly onAcknowledged: (session: UploadSession) => Promise<void>;
}

/** The registry took a chunk and acknowledges no more than before; or took some, and acknowledges little of each. */
export class ChunksRefused extends Error {
  override name = 'ChunksRefused';
}

/**
 * Sends all there is, chunk by chunk, from the session's offset on.
 *
 * @throws {ChunksRefused} when the registry does not keep what chunks bring
 */
export async function sendChunks(
  reader: FormReader,
  session: UploadSession,
  options: SendChunksOptions,
): Promise<void> {
  const { signal, onProgress, onStoring, onAcknowledged } = options;
  let corrections = 0;
  for (;;) {
    signal?.throwIfAborted();
    const from = session.offset;
    const size = Math.min(
      Math.max(options.size, session.minChunkSize ?? 0),
      session.maxChunkSize ?? Number.POSITIVE_INFINITY,
    );
    const there = await reader.available(from + size, { beyond: from, signal });
    // Nothing is kept any more (disk full): the attempt begins again without chunks.
    if (there === undefined) throw new FormFailure('copy', new Error('the compressed layer could not be kept'));
    const length = Math.min(size, there - from);
    if (length <= 0) return;
    using patience = finishing(signal);
    try {
      const { signal: unhurried } = patience;
      const part = partOf(reader, from, length);
      await untilStored((onBodySent) => session.append(part, { signal: unhurried, onProgress, onBodySent }), onStoring);
    } catch (error) {
      // With a 416 it may say where it is: there the next chunk begins.
      const isMoved = codeOf(error) === 'ERR_SESSION_OFFSET' && session.offset !== from && session.offset <= there;
      corrections += 1;
      if (!isMoved || corrections > maxCorrections) throw error;
      continue;
    }
    const taken = session.offset - from;
    corrections = taken * 2 < length ? corrections + 1 : 0;
    if (taken <= 0 || corrections > maxCorrections)
      throw new ChunksRefused(`the registry acknowledged ${session.offset} bytes after ${length} from ${from} on`);
    await onAcknowledged(session);
    signal?.throwIfAborted();
  }
}

/** `length` bytes of a blob, as content of its own. */
function partOf(reader: FormReader, offset: number, length: number): Content {
  return {
    size: length,
    async *open({ from = 0, ...options } = {}) {
      let left = Math.max(0, length - from);
      for await (const chunk of reader.open({ ...options, from: offset + from, length: left })) {
        left -= chunk.byteLength;
        yield chunk;
      }
      // A layer is shorter than it looked (`sureBytes`): now that it is made, the next attempt knows its size.
      if (left > 0) throw new FormFailure('copy', new Error('the compressed layer is shorter than it was sure to be'));
    },
  };
}
