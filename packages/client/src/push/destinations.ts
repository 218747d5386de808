import { InvalidReferenceError, parseReference, type Reference } from '@slipway/reference';
import { CliError, usageError } from './errors.ts';
import { assertNoUser } from './mask-user.ts';

/**
 * Reads the destinations as typed. With `allTags` they are repositories, and must have neither tag nor digest. A password
 * that was typed with one is in no message.
 *
 * @throws {CliError} `ERR_CLI_USAGE`, with the rule of the reference that was broken as its cause.
 */
export function parseDestinations(texts: readonly string[], allTags: boolean): readonly Reference[] {
  return texts.map((text) => {
    const reference = parseDestination(text, allTags ? undefined : 'latest');
    if (allTags && (reference.tag !== undefined || reference.digest !== undefined)) {
      throw usageError(`${JSON.stringify(text)} has a tag, and --all-tags takes repositories`, 'leave the tag off');
    }
    if (reference.digest !== undefined) {
      throw usageError(`${JSON.stringify(text)} names a digest, and only tags can be pushed`, 'leave @sha256:… off');
    }
    return reference;
  });
}

function parseDestination(text: string, defaultTag: string | undefined): Reference {
  assertNoUser(text);
  try {
    return parseReference(text, { defaultTag });
  } catch (cause) {
    if (!(cause instanceof InvalidReferenceError)) throw cause;
    const message = `${JSON.stringify(text)} is no reference: ${cause.message}`;
    throw new CliError('ERR_CLI_USAGE', message, { cause, hint: hintFor(text) });
  }
}

function hintFor(text: string): string {
  const scheme = /^[a-z-]+:(?:\/\/)/i.exec(text)?.[0];
  if (scheme !== undefined) return `write it without ${scheme}: a destination is registry/repository:tag`;
  if (text.toLowerCase() !== text) return `repositories are lowercase: ${text.toLowerCase()}`;
  return 'a destination is [registry/]repository[:tag], such as ghcr.io/me/app:1.0';
}
