import { appendFileSync, closeSync, openSync } from 'node:fs';
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

/** One line for each entry. */
export interface AuditLog extends Disposable {
  write(entry: AuditEntry): void;
  /** Opens its file anew: a rotated one has another name by now. */
  reopen(): void;
}

/** Writes to a file of its own, one JSON object a line, or else into the log. */
export function openAuditLog(file: string | undefined, log: Logger): AuditLog {
  if (file === undefined) {
    const write: AuditLog['write'] = (entry) => log.info({ audit: entry }, `audit: ${entry.action}`);
    return { write, reopen() {}, [Symbol.dispose]() {} };
  }
  // Opened at once, so that a file which cannot be written stops the start, not the first push.
  let descriptor = openAudit(file);
  let isOpen = true;
  return {
    write(entry) {
      try {
        if (isOpen)
          appendFileSync(descriptor, `${plainJSON(JSON.stringify({ time: new Date().toISOString(), ...entry }))}\n`);
      } catch (error) {
        log.error({ err: error, audit: entry }, 'the audit log cannot be written');
      }
    },
    reopen() {
      const fresh = openAudit(file);
      closeSync(descriptor);
      descriptor = fresh;
    },
    [Symbol.dispose]() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

/** @throws {ServerError} `ERR_SERVER_CONFIG` */
function openAudit(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (cause) {
    throw new ServerError('ERR_SERVER_CONFIG', `--audit-log: ${(cause as Error).message}`, { cause });
  }
}
