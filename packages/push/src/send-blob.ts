import type { AbortOptions, ByteStream, Content } from '@slipway/digest';
import type { UploadSession } from '@slipway/registry-client';
import type { BlobForm, BlobIdentity } from './blob-form.ts';
import { pushFailure } from './errors.ts';
import { codeOf } from './retry-rules.ts';

export interface SendProgress {
  readonly sent: number;
  readonly size: number | undefined;
  readonly read: number;
  readonly readTotal: number;
}

export interface SendBlobOptions extends AbortOptions {
  /** Known digest and size: one PUT does. Otherwise the bytes are streamed while they are made. */
  readonly identity: BlobIdentity | undefined;
  readonly onProgress: (progress: SendProgress) => void;
}

/**
 * Sends a blob's bytes into a session and commits it.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when the bytes could not be read or proved wrong: nothing was committed
 */
export async function sendBlob(
  form: BlobForm,
  session: UploadSession,
  { identity, signal, onProgress }: SendBlobOptions,
): Promise<BlobIdentity> {
  const source = new WatchedSource(form);
  const report = (sent: number): void =>
    onProgress({ sent, size: form.identity?.size, read: form.read, readTotal: form.readTotal });
  try {
    if (identity !== undefined) {
      await session.put(source.content(identity.size), identity.digest, { signal, onProgress: report });
      return identity;
    }
    await session.stream(source.open({ from: session.offset, signal }), { signal, onProgress: report });
    const made = await form.identify({ signal });
    await session.commit(made.digest, { signal });
    return made;
  } catch (error) {
    signal?.throwIfAborted();
    // A body that fails looks like a broken connection to the client: the source's own error is the cause.
    if (source.error === undefined || codeOf(source.error) === 'ERR_CACHE_WRITE') throw source.error ?? error;
    throw pushFailure('layer', { op: 'open layer', origin: 'source', cause: source.error });
  }
}

/** Reads a form and remembers when reading failed, so that the blame lies where it belongs. */
class WatchedSource {
  error: unknown;
  readonly #form: BlobForm;

  constructor(form: BlobForm) {
    this.#form = form;
  }

  async *open(options: AbortOptions & { readonly from?: number | undefined }): ByteStream {
    const chunks = this.#form.open(options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await chunks.next().catch((error: unknown) => {
          this.error ??= error;
          throw error;
        });
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  content(size: number): Content {
    return { size, open: (options) => this.open(options ?? {}) };
  }
}
