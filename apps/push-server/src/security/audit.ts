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

const [append, close] = [promisify(fs.appendFile), promisify(fs.close)];
const [open, stat] = [promisify(fs.open), promisify(fs.stat)];
const [access, unlink, realpath] = [promisify(fs.access), promisify(fs.unlink), promisify(fs.realpath)];

/**
 * Writes to a file of its own, one JSON object a line, or else into the log. A pipe needs somebody who reads it.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG`
 */
export async function openAuditLog(file: string | undefined, log: Logger): Promise<AuditLog> {
  if (file === undefined) {
    const write: AuditLog['write'] = (entry) => log.info({ audit: entry }, `audit: ${entry.action}`);
    return { write, async reopen() {}, async [Symbol.asyncDispose]() {} };
  }
  // Opened at once, so that a file which cannot be written stops the start, not the first push.
  let descriptor = await openForAppend(file);
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
      const fresh = await openForAppend(file);
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

/**
 * Tries to write to the file of an audit log, and leaves nothing behind. A pipe that nobody reads may have its reader
 * at the start.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG`
 */
export async function checkAuditLog(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFIFO() === true) return await access(file, fs.constants.W_OK);
  await close(await openForAppend(file));
  // Where a link leads to a place that had no file, that is what was made.
  if (found === undefined) await unlink(await realpath(file));
}

/** To open a pipe waits for its reader, in a thread that nothing ends: it is asked first whether there is one. */
async function openForAppend(file: string): Promise<number> {
  try {
    const isPipe = (await stat(file).catch(() => undefined))?.isFIFO() === true;
    if (!isPipe) return await open(file, 'a', mode);
    const { O_WRONLY, O_NONBLOCK } = fs.constants;
    const probe = await open(file, O_WRONLY | O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
      throw cause.code === 'ENXIO' ? new Error(`${file} is a pipe that nobody reads`, { cause }) : cause;
    });
    try {
      return await open(file, 'a');
    } finally {
      await close(probe);
    }
  } catch (cause) {
    throw unusable(cause);
  }
}

function unusable(cause: unknown): ServerError {
  return new ServerError('ERR_SERVER_CONFIG', `--audit-log: ${(cause as Error).message}`, { cause });
}
