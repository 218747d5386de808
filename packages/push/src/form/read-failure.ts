import { type PushError, pushFailure } from '../errors.ts';
import { FormFailure } from './form-failure.ts';

/**
 * A failure to read, told as what it is: the source's, this machine's, or one of a kept copy, which is made anew and
 * therefore no failure of the push yet.
 */
export function readFailure(subject: string, failure: unknown): PushError | FormFailure {
  if (!(failure instanceof FormFailure)) {
    return pushFailure(subject, { op: 'read', origin: 'source', cause: failure });
  }
  if (failure.side === 'copy') return failure;
  return pushFailure(subject, { op: 'read', origin: failure.side, cause: failure.cause });
}
