import { aString, assertMembers, aText } from '@slipway/arguments';
import { canonicalName, defaultRegistry, formatSuffix, type Reference } from './reference.ts';

/** The name as people write it: `alpine` for `docker.io/library/alpine`; other registries' names stay whole. */
export function familiarName(reference: Reference): string {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  if (reference.registry !== defaultRegistry) return canonicalName(reference);
  const [first, second, ...more] = reference.repository.split('/');
  return first === 'library' && second !== undefined && more.length === 0 ? second : reference.repository;
}

/** The familiar name with tag and digest: `alpine:3.20`. */
export function familiarString(reference: Reference): string {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  return familiarName(reference) + formatSuffix(reference);
}
