import { assertNoUser } from '@slipway/client';
import { parseReference } from '@slipway/reference';
import { usageError } from '../errors.ts';
import { parseRegistry } from '../registry-name.ts';

/** What the doctor is to look at. */
export interface DoctorTarget {
  readonly registry: string;
  /** Undefined when only the registry was named. */
  readonly repository: string | undefined;
  readonly tag: string;
}

/**
 * Reads `HOST`, `HOST/REPOSITORY` or a reference, with or without a scheme.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function parseDoctorTarget(text: string): DoctorTarget {
  assertNoUser(text);
  const bare = text.replace(/^https?:\/\//i, '').replace(/(?:\/v2)?\/*$/, '');
  if (!bare.includes('/') && isHost(bare))
    return { registry: parseRegistry(bare), repository: undefined, tag: 'latest' };
  try {
    const { registry, repository, tag = 'latest' } = parseReference(bare, { defaultTag: 'latest' });
    return { registry, repository, tag };
  } catch (cause) {
    throw usageError(
      `${JSON.stringify(text)} is neither a registry nor a repository: ` +
        `${cause instanceof Error ? cause.message : cause}`,
      'such as ghcr.io, or ghcr.io/me/app',
    );
  }
}

/** A name without a dot, a port or `localhost` is a repository of Docker Hub. */
function isHost(text: string): boolean {
  if (text === 'localhost' || text.startsWith('[')) return true;
  return /[.:]/.test(text) && !/^[^.]*:\D/.test(text);
}
