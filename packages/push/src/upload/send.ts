import type { AbortOptions, Content } from '@slipway/digest';
import type { UploadSession } from '@slipway/registry-client';
import type { BlobForm, FormReader } from '../form/form.ts';
import { readFailure } from '../form/read-failure.ts';
import type { ProvenIdentity } from '../knowledge.ts';
import { provenByContent } from '../knowledge.ts';
import { sendChunks } from './chunks.ts';
import type { UploadShape } from './shapes.ts';
import { sendStream } from './stream.ts';
import { untilStored } from './until-stored.ts';

export interface SendProgress {
  readonly sent: number;
  readonly size: number | undefined;
  readonly read: number;
  readonly readTotal: number;
}

export interface SendOptions extends AbortOptions {
  /** What messages call it: `layer 71dffa6c98fb`. */
  readonly subject: string;
  readonly shape: UploadShape;
  /** Whether the registry may be asked later to go on with what a stream has brought. */
  readonly mayContinue: boolean;
  readonly onProgress: (progress: SendProgress) => void;
  /** Told once a second while the registry has everything and is silent. */
  readonly onStoring: (seconds: number) => void;
  /** After each chunk, or part of a stream, that the registry acknowledged. */
  readonly onAcknowledged: (session: UploadSession) => Promise<void>;
}

/**
 * Sends a blob's bytes into a session, from its offset on, and commits it. The reader holds the last bytes back until
 * all are proven, so that nothing wrong can be committed.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' or 'machine' when the bytes could not be read or proved
 * wrong
 * @throws {FormFailure} with side 'copy' when the kept copy of the blob is damaged: the next attempt makes it anew
 * @throws {ChunksRefused} when the registry does not take chunks after all
 * @throws {BeyondEnd} when the session is said to have more bytes than there are
 */
export async function sendBlob(
  form: BlobForm,
  reader: FormReader,
  session: UploadSession,
  options: SendOptions,
): Promise<ProvenIdentity> {
  const { subject, shape, mayContinue, signal, onProgress, onStoring, onAcknowledged } = options;
  const report = (sent: number): void =>
    onProgress({ sent, size: form.identity?.size, read: form.read, readTotal: form.readTotal });
  const stored = <T>(send: (onBodySent: () => void) => Promise<T>): Promise<T> => untilStored(send, onStoring);
  try {
    switch (shape.kind) {
      case 'put': {
        const { digest, size } = shape.identity;
        if (size === 0) await reader.prove({ signal }); // a body of no bytes is never opened
        const content = contentOf(reader, size);
        await stored((onBodySent) => session.put(content, digest, { signal, onProgress: report, onBodySent }));
        return shape.identity;
      }
      case 'stream':
        await reader.reach(session.offset, { signal }); // what an earlier process sent is proven, too
        await sendStream(reader, session, { signal, mayContinue, onProgress: report, onStoring, onAcknowledged });
        break;
      case 'chunks':
        await reader.reach(session.offset, { signal });
        await sendChunks(reader, session, { size: shape.size, signal, onProgress: report, onStoring, onAcknowledged });
        break;
      default:
        shape satisfies never;
    }
    const identity = provenByContent(await reader.prove({ signal }));
    await stored((onBodySent) => session.commit(identity.digest, { signal, onBodySent }));
    return identity;
  } catch (error) {
    signal?.throwIfAborted();
    // A body that fails looks like a broken connection to the client: the reader's own failure is the cause.
    throw reader.failure === undefined ? error : readFailure(subject, reader.failure);
  }
}

function contentOf(reader: FormReader, size: number): Content {
  return { size, open: (options) => reader.open(options) };
}
