import { canonicalName, parseReference } from '@slipway/reference';
import type { Principal } from './principal.ts';
import { formatScope, isAllowed } from './scope.ts';

/** What a principal sees. Whatever else there is, is to it as if it were not there. */
export interface Sight {
  readonly seesAll: boolean;
  /** The same for all who see the same. */
  readonly key: string;
  /** @param name canonical */
  repository(name: string): boolean;
  /** By the repository of a reference; what is no reference is seen by those who see all. */
  reference(text: string): boolean;
  /** Own work always; that of others when all repositories that it names are seen. */
  work(work: SeenWork): boolean;
}

/** A job or a push: who asked for it, and every repository that it names. */
export interface SeenWork {
  readonly principal: string;
  /** Canonical names. */
  readonly repositories: readonly string[];
}

/** What the scopes of a principal let it see. */
export function sightOf({ name, scopes }: Principal): Sight {
  const seesAll = isAllowed(scopes, { kind: 'all' });
  const repository = (of: string): boolean => seesAll || isAllowed(scopes, { kind: 'see', repository: of });
  return {
    seesAll,
    key: seesAll ? '' : JSON.stringify([name, ...scopes.map(formatScope)]),
    repository,
    reference: (text) => seesAll || repository(repositoryOf(text) ?? ''),
    work: ({ principal, repositories }) =>
      seesAll || principal === name || (repositories.length > 0 && repositories.every(repository)),
  };
}

/** The canonical repository of a reference; undefined for what is none. */
export function repositoryOf(text: string): string | undefined {
  try {
    return canonicalName(parseReference(text));
  } catch {
    return undefined;
  }
}
