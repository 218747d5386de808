import type { FastifyRequest } from 'fastify';
import type { AuditEntry, AuditLog } from '../security/audit.ts';
import { errorText } from './error-text.ts';
import { withoutPasswords } from './without-passwords.ts';

export interface AuditedOptions {
  readonly action: AuditEntry['action'];
  readonly subject: string;
  /** Puts a failure into words. @default errorText */
  readonly textOf?: ((error: unknown) => string) | undefined;
}

/** What an operation adds to its audit line. */
export type AuditDetails = Record<string, unknown>;

/** Runs an operation and writes one audit line about it, however it ends. */
export async function audited<T>(
  { audit }: { readonly audit: AuditLog },
  request: FastifyRequest,
  { action, subject, textOf = errorText }: AuditedOptions,
  work: (details: AuditDetails) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const details: AuditDetails = {};
  const write = (outcome: AuditEntry['outcome']): void =>
    audit.write({
      action,
      principal: request.principal.name,
      outcome,
      subject: withoutPasswords(subject),
      remote: request.raw.socket.remoteAddress,
      requestId: request.id,
      details: { ...details, durationMs: Math.round(performance.now() - started) },
    });
  try {
    const result = await work(details);
    write(details['error'] === undefined ? 'done' : 'failed');
    return result;
  } catch (error) {
    details['error'] = textOf(error);
    write(errorText(error) === 'context canceled' ? 'cancelled' : 'failed');
    throw error;
  }
}
