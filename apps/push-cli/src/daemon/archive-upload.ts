import { formatByteSize } from '@slipway/client/options';
import type { DaemonClient } from './daemon-client.ts';
import { DaemonLoss, pause } from './daemon-loss.ts';
import { DaemonRefusal } from './daemon-refusal.ts';

/** From this size on, an archive goes as an upload of its own, which goes on after the connection broke. */
export const resumableBytes: number = 16 * 1024 * 1024;

/** A file, which can be read again from anywhere. */
export interface ReopenableArchive {
  readonly size: number;
  open(from: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions {
  readonly client: Pick<DaemonClient, 'name' | 'createUpload' | 'uploadOffset' | 'appendUpload' | 'deleteUpload'>;
  /** Told how far it is, now and then, and of each connection that broke. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
  /** Before the first repetition; doubles from there. @default that of {@link pause} */
  readonly pauseMs?: number | undefined;
}

/** Connections that break in a row without a byte that is new, after which it is given up. */
const maxLosses = 8;
const tellMs = 2_000;

/**
 * Uploads a file in as many requests as it takes: after each that broke, the daemon says how much it has.
 *
 * @returns the upload's id, for a submission
 * @throws {CliError} `ERR_CLI_DAEMON_UNREACHABLE`, `…_REFUSED`, `…_NOT_FOUND` when the daemon has it no more
 */
export async function uploadArchive(archive: ReopenableArchive, options: UploadOptions): Promise<string> {
  const { client, print, signal, pauseMs } = options;
  const { size } = archive;
  const id = await client.createUpload(size, signal);
  try {
    let offset = 0;
    let losses = 0;
    while (offset < size) {
      try {
        offset = await client.appendUpload(id, metered(archive, offset, options), { offset, size, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (!isLoss(error)) throw error;
        losses += 1;
        const { reached, cause } = await askAgain(error);
        if (reached > offset) losses = 1;
        offset = reached;
        const at = `${formatByteSize(offset)} of ${formatByteSize(size)}`;
        if (offset < size) print(`slipway: the connection to slipwayd broke (${cause}): goes on at ${at}`);
      }
    }
    return id;

    async function askAgain(error: unknown): Promise<{ readonly reached: number; readonly cause: string }> {
      for (let failure = error; ; ) {
        if (losses > maxLosses) throw failure;
        await pause(losses, signal, pauseMs);
        try {
          return { reached: await client.uploadOffset(id, signal), cause: reasonOf(error) };
        } catch (again) {
          signal.throwIfAborted();
          if (!isLoss(again)) throw again;
          failure = again;
          losses += 1;
        }
      }
    }
  } catch (error) {
    // Nobody will ask for it: what is left of it goes with the daemon's orphans where this does not get through.
    if (!(error instanceof DaemonLoss)) await client.deleteUpload(id);
    throw error;
  }
}

/** A connection that broke, a daemon that is restarted, or one that has not noticed yet that the last request broke. */
function isLoss(error: unknown): boolean {
  if (error instanceof DaemonRefusal) return [408, 409, 503].includes(error.status);
  return error instanceof DaemonLoss;
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? (cause as Error | undefined)?.message ?? message;
}

async function* metered(
  { size, open }: ReopenableArchive,
  from: number,
  { print, client }: UploadOptions,
): AsyncGenerator<Uint8Array> {
  let sent = from;
  let told = performance.now();
  for await (const chunk of open(from)) {
    yield chunk;
    sent += chunk.byteLength;
    if (performance.now() - told < tellMs) continue;
    told = performance.now();
    const percent = Math.floor((100 * sent) / size);
    print(
      `slipway: ${formatByteSize(sent)} of ${formatByteSize(size)} sent to slipwayd at ${client.name} (${percent} %)`,
    );
  }
}
