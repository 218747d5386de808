import { aString, assertArgument, assertMembers, aText } from '@slipway/arguments';
import type { Digest } from '@slipway/digest-value';
import { InvalidReferenceError } from './errors.ts';
import { hasDigestForm, isTag } from './grammar.ts';
import { defaultTag, isNameOnly, type Reference } from './reference.ts';

/**
 * The same reference with this tag; a digest is kept.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`, `rule` `tag`.
 */
export function withTag(reference: Reference, tag: string): Reference {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  assertArgument('tag', tag, aString);
  if (!isTag(tag)) throw new InvalidReferenceError('tag', 'invalid tag format', tag);
  return Object.freeze({ ...reference, tag });
}

/**
 * The same reference with this digest; a tag is kept.
 * Checked by the grammar of references alone, so an algorithm we cannot compute passes.
 *
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`, `rule` `digest`.
 */
export function withDigest(reference: Reference, digest: Digest): Reference {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  assertArgument('digest', digest, aString);
  if (!hasDigestForm(digest)) throw new InvalidReferenceError('digest', 'invalid digest format', digest);
  return Object.freeze({ ...reference, digest });
}

/** Adds `latest` where there is neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  return isNameOnly(reference) ? withTag(reference, defaultTag) : reference;
}
