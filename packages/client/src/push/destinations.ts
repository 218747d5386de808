import { aBoolean, assertOptions } from '@slipway/arguments';
import {
  defaultTag,
  formatReference,
  InvalidReferenceError,
  parseReference,
  type Reference,
  withDefaultTag,
} from '@slipway/reference';
import { ClientError, optionError } from '../errors.ts';
import { assertNoUser } from '../names/assert-no-user.ts';
import { referenceHint } from '../names/reference-hint.ts';

/** Where to: `ghcr.io/me/app:1.0`, or what `parseReference` makes of it. */
export type DestinationInput = string | Reference;

/** How destinations are read. */
export interface ParseDestinationsOptions {
  /** They are repositories, and must have neither tag nor digest. @default false: without a tag, `latest` is meant */
  readonly allTags?: boolean | undefined;
  /** One may name a digest in place of a tag: `ghcr.io/me/app@sha256:…`. @default false */
  readonly digests?: boolean | undefined;
}

/**
 * Reads destinations as people write them. A password that was typed with one is in no message.
 *
 * @throws {ClientError} `ERR_CLIENT_DESTINATION`, with the rule of the reference that was broken as its cause;
 * `ERR_CLIENT_PASSWORD_IN_NAME`
 */
export function parseDestinations(
  inputs: DestinationInput | readonly DestinationInput[],
  options: ParseDestinationsOptions = {},
): readonly Reference[] {
  assertOptions('options', options, { optional: { allTags: aBoolean, digests: aBoolean } });
  const { allTags = false, digests = false } = options;
  const all = Array.isArray(inputs) ? inputs : [inputs];
  return all.map((input: DestinationInput) => {
    if (typeof input !== 'string') assertReference(input);
    const text = typeof input === 'string' ? input : formatReference(input);
    const reference = parseDestination(input, allTags);
    if (allTags && (reference.tag !== undefined || reference.digest !== undefined)) {
      throw destinationError(
        `${JSON.stringify(text)} has a tag, and \`allTags\` takes repositories`,
        'leave the tag off',
      );
    }
    if (reference.digest !== undefined && !digests) {
      const message = `${JSON.stringify(text)} names a digest, and a tag is wanted`;
      throw destinationError(message, 'leave @sha256:… off');
    }
    if (reference.digest !== undefined && reference.tag !== undefined) {
      const message = `${JSON.stringify(text)} names a tag and a digest, and one of them is wanted`;
      throw destinationError(message, 'leave the tag off, or @sha256:…; two destinations may name both');
    }
    return reference;
  });
}

function parseDestination(input: DestinationInput, allTags: boolean): Reference {
  if (typeof input !== 'string') return allTags || input.digest !== undefined ? input : withDefaultTag(input);
  assertNoUser(input);
  try {
    return parseReference(input, allTags ? {} : { defaultTag });
  } catch (cause) {
    if (!(cause instanceof InvalidReferenceError)) throw cause;
    throw destinationError(`${JSON.stringify(input)} is no reference: ${cause.message}`, referenceHint(input), cause);
  }
}

function assertReference(input: unknown): asserts input is Reference {
  const { registry, repository } = (input ?? {}) as { readonly registry?: unknown; readonly repository?: unknown };
  if (typeof registry === 'string' && typeof repository === 'string') return;
  throw optionError('Expected `to` to be a reference such as ghcr.io/me/app:1.0, or a list of them');
}

function destinationError(message: string, hint: string, cause?: unknown): ClientError {
  return new ClientError('ERR_CLIENT_DESTINATION', message, { hint, cause });
}
