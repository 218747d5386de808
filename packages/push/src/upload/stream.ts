import type { AbortOptions } from '@slipway/digest';
import type { StreamedContent, UploadSession } from '@slipway/registry-client';
import type { FormReader } from '../form/form.ts';
import { finishing } from './finishing.ts';
import { untilStored } from './until-stored.ts';

export interface SendStreamOptions extends AbortOptions {
  /** Whether the registry may be asked later to go on with what it has. */
  readonly mayContinue: boolean;
  readonly onProgress: (sent: number) => void;
  /** Told once a second while the registry has everything and is silent. */
  readonly onStoring: (seconds: number) => void;
  /** When the registry has acknowledged what an interrupted push has sent. */
  readonly onAcknowledged: (session: UploadSession) => Promise<void>;
}

/**
 * Sends all there is, from the session's offset on, in one request whose length nobody knows before its end. An
 * interrupted push ends the request where it is, so that the next one can go on there.
 */
export async function sendStream(
  reader: FormReader,
  session: UploadSession,
  { signal, mayContinue, onProgress, onStoring, onAcknowledged }: SendStreamOptions,
): Promise<void> {
  using patience = mayContinue ? finishing(signal) : undefined;
  const unhurried = patience?.signal ?? signal;
  const content = endedBy(reader, mayContinue ? signal : undefined);
  await untilStored((onBodySent) => session.stream(content, { signal: unhurried, onProgress, onBodySent }), onStoring);
  if (signal?.aborted && mayContinue) await onAcknowledged(session);
  signal?.throwIfAborted();
}

/** What a reader reads, which ends, as if it were all, when `signal` aborts. Nothing of it is committed then. */
function endedBy(reader: FormReader, signal: AbortSignal | undefined): StreamedContent {
  return {
    async *open(options) {
      try {
        for await (const chunk of reader.open(options)) {
          yield chunk;
          if (signal?.aborted) return;
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
      }
    },
  };
}
