import { anObject, aString, assertArgument, assertMembers, aText } from '@slipway/arguments';
import type { Digest } from '@slipway/digest-value';

/** A place in a registry: `registry/repository[:tag][@digest]`. Frozen. */
export interface Reference {
  /**
   * Host, with its port if one was given: `ghcr.io`, `localhost:5000`. Empty only from the parsers without defaults.
   */
  readonly registry: string;
  /** Path within the registry, lower-case: `library/alpine`. */
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** The registry that short names mean: `docker.io`. */
export const defaultRegistry: string = 'docker.io';

/** The tag that is meant where none is given: `latest`. */
export const defaultTag: string = 'latest';

/** The reference in full: `docker.io/library/alpine:3.20@sha256:…`. */
export function formatReference(reference: Reference): string {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  return canonicalName(reference) + formatSuffix(reference);
}

/** Registry and repository, without tag and digest: `docker.io/library/alpine`. */
export function canonicalName(reference: Reference): string {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  const { registry, repository } = reference;
  return registry === '' ? repository : `${registry}/${repository}`;
}

/** `:tag`, `@digest`, both or nothing. */
export function formatSuffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/** Whether there is neither tag nor digest. */
export function isNameOnly(reference: Reference): boolean {
  assertArgument('reference', reference, anObject);
  const { tag, digest } = reference;
  return tag === undefined && digest === undefined;
}

/** Drops tag and digest. */
export function nameOnly(reference: Reference): Reference {
  assertMembers('reference', reference, { required: { registry: aString, repository: aText } });
  const { registry, repository } = reference;
  return Object.freeze({ registry, repository, tag: undefined, digest: undefined });
}
