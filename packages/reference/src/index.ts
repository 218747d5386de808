/**
 * Parse, normalise, match, sort and print image references.
 *
 * @packageDocumentation
 */
export { InvalidReferenceError, type ReferenceErrorCode, type ReferenceRule } from './errors.ts';
export { familiarName, familiarString } from './familiar.ts';
export {
  hasDigestForm,
  isIdentifier,
  isRegistryName,
  isTag,
  maxRepositoryLength,
  parseGrammar,
  parseRepositoryName,
} from './grammar.ts';
export { matchReference } from './match.ts';
export {
  type DigestReference,
  type ParseReferenceOptions,
  parseAnyReference,
  parseCanonicalName,
  parseDockerReference,
  parseReference,
} from './parse-reference.ts';
export {
  canonicalName,
  defaultRegistry,
  defaultTag,
  formatReference,
  isNameOnly,
  nameOnly,
  type Reference,
} from './reference.ts';
export { compareReferences, sortReferences } from './sort.ts';
export { withDefaultTag, withDigest, withTag } from './with-tag.ts';
