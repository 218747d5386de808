import fs from 'node:fs';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { ServerError } from '../errors.ts';
import { plainJSON } from '../http/told-text.ts';

/** What is written down of something that somebody did, or was not allowed to do. Never a credential. */
export interface AuditEntry {
  readonly action: 'push' | 'load' | 'tag' | 'delete' | 'login' | 'save' | 'request' | 'job' | 'token';
  readonly principal: string;
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'unauthorized' | 'forbidden';
  /** A reference, a registry, or method and path. */
  readonly subject: string;
  /** Where the request came from; undefined for a unix socket. */
  readonly remote: string | undefined;
  readonly requestId: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** One line for each entry, in their order. */
export interface AuditLog extends AsyncDisposable {
  /** Waits for nothing: a disk that hangs holds up no request. */
  write(entry: AuditEntry): void;
  /** Opens its file anew: a rotated one has another name by now. @throws {ServerError} `ERR_SERVER_CONFIG` */
  reopen(): Promise<void>;
}

/** Lines that may wait for the disk. */
const maxWaiting = 10_000;

const [append, close, openLater] = [promisify(fs.appendFile), promisify(fs.close), promisify(fs.open)];

/** Writes to a file of its own, one JSON object a line, or else into the log. */
export function openAuditLog(file: string | undefined, log: Logger): AuditLog {
  if (file === undefined) {
    const write: AuditLog['write'] = (entry) => log.info({ audit: entry }, `audit: ${entry.action}`);
    return { write, async reopen() {}, async [Symbol.asyncDispose]() {} };
  }
  // Opened at once, so that a file which cannot be written stops the start, not the first push.
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'a', mode);
  } catch (cause) {
    throw unusable(cause);
  }
  let waiting: AuditEntry[] = [];
  let written = Promise.resolve();
  let isClosed = false;
  const lost = (err: unknown, entries: readonly unknown[]): void => {
    for (const audit of entries) log.error({ err, audit }, 'the audit log cannot be written');
  };
  const flush = async (): Promise<void> => {
    const entries = waiting;
    waiting = [];
    if (entries.length === 0) return;
    const lines = entries.map((entry) => `${plainJSON(JSON.stringify(entry))}\n`);
    await append(descriptor, lines.join('')).catch((error: unknown) => lost(error, entries));
  };
  return {
    write(entry) {
      if (isClosed) return;
      const stamped = { time: new Date().toISOString(), ...entry };
      if (waiting.length >= maxWaiting) lost(new Error('its disk does not answer'), [stamped]);
      else waiting.push(stamped);
      if (waiting.length === 1) written = written.then(flush);
    },
    async reopen() {
      const fresh = await openLater(file, 'a', mode).catch((cause: unknown) => {
        throw unusable(cause);
      });
      written = written.then(flush).then(async () => {
        const rotated = descriptor;
        descriptor = fresh;
        await close(rotated).catch((err: unknown) => log.error({ err }, 'the rotated audit log cannot be closed'));
      });
      await written;
    },
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      written = written.then(flush).then(() => close(descriptor));
      await written;
    },
  };
}

const mode = 0o600;

function unusable(cause: unknown): ServerError {
  return new ServerError('ERR_SERVER_CONFIG', `--audit-log: ${(cause as Error).message}`, { cause });
}
