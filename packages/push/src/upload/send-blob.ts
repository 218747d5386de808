import type { AbortOptions, ByteStream, Content, OpenOptions } from '@slipway/digest';
import type { UploadSession } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import { pushFailure } from '../errors.ts';
import type { BlobForm, BlobIdentity } from '../form/form.ts';
import { type ChunkSource, sendChunks } from './chunked-upload.ts';
import type { UploadShape } from './upload-shapes.ts';

export interface SendProgress {
  readonly sent: number;
  readonly size: number | undefined;
  readonly read: number;
  readonly readTotal: number;
}

export interface SendBlobOptions extends AbortOptions {
  /** What messages call it: `layer 71dffa6c98fb`. */
  readonly subject: string;
  readonly shape: UploadShape;
  readonly onProgress: (progress: SendProgress) => void;
  /** After each chunk that the registry acknowledged. */
  readonly onAcknowledged: (session: UploadSession) => Promise<void>;
}

/**
 * Sends a blob's bytes into a session, from its offset on, and commits it.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when the bytes could not be read or proved wrong: nothing was committed
 * @throws {ChunksRefused} when the registry does not take chunks after all
 */
export async function sendBlob(
  form: BlobForm,
  session: UploadSession,
  options: SendBlobOptions,
): Promise<BlobIdentity> {
  const { subject, shape, signal, onProgress, onAcknowledged } = options;
  const source = new WatchedSource(form);
  const report = (sent: number): void =>
    onProgress({ sent, size: form.identity?.size, read: form.read, readTotal: form.readTotal });
  try {
    switch (shape.kind) {
      case 'put':
        await session.put(source.content(shape.identity.size), shape.identity.digest, { signal, onProgress: report });
        return shape.identity;
      case 'stream':
        await session.stream(source, { signal, onProgress: report });
        break;
      case 'chunks':
        await sendChunks(source, session, { size: shape.size, signal, onProgress: report, onAcknowledged });
        break;
      default:
        shape satisfies never;
    }
    const made = await source.identify({ signal });
    await session.commit(made.digest, { signal });
    return made;
  } catch (error) {
    signal?.throwIfAborted();
    // A body that fails looks like a broken connection to the client: the source's own error is the cause.
    if (source.error === undefined || codeOf(source.error) === 'ERR_CACHE_WRITE') throw source.error ?? error;
    throw pushFailure(subject, { op: 'read', origin: 'source', cause: source.error });
  }
}

/** Reads a form and remembers when reading failed, so that the blame lies where it belongs. */
class WatchedSource implements ChunkSource {
  error: unknown;
  readonly #form: BlobForm;

  constructor(form: BlobForm) {
    this.#form = form;
  }

  async *open(options: OpenOptions = {}): ByteStream {
    const chunks = this.#form.open(options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#watch(chunks.next(), options);
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  content(size: number): Content {
    return { size, open: (options) => this.open(options) };
  }

  async available(atLeast: number, options: AbortOptions): Promise<number> {
    const there = await this.#watch(this.#form.available(atLeast, options), options);
    if (there !== undefined) return there;
    // Nothing is kept any more (disk full): the attempt begins again without chunks.
    throw Object.assign(new Error('the compressed layer could not be kept'), { code: 'ERR_CACHE_WRITE' });
  }

  identify(options: AbortOptions): Promise<BlobIdentity> {
    return this.#watch(this.#form.identify(options), options);
  }

  async #watch<T>(work: Promise<T>, { signal }: AbortOptions): Promise<T> {
    try {
      return await work;
    } catch (error) {
      // A request that is over, refused perhaps, has no use for its body any more: that is no failure to read it.
      if (!signal?.aborted) this.error ??= error;
      throw error;
    }
  }
}
