import { type AbortOptions, isDigest } from '@slipway/digest';
import { SourceError } from '@slipway/image-source';
import type { Descriptor, Platform } from '@slipway/manifest';
import { isRetryable } from '@slipway/push';
import {
  canonicalName,
  defaultTag,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '@slipway/reference';
import type { Repository } from '@slipway/registry-client';
import { retrying, tellRetries } from '@slipway/transfer';
import type { Registries } from '../connection/registries.ts';
import type { ClientCredentials } from '../credentials/client-credentials.ts';
import { noteRegistryFacts } from '../credentials/registry-facts.ts';
import { assertNoUser } from '../names/assert-no-user.ts';
import { connectTo } from '../sources/registry-source.ts';

/** A manifest that is about another one. */
export interface Referrer {
  /** Its repository, with its digest. */
  readonly reference: Reference;
  /** As the registry lists it: `artifactType` and `annotations` say what it is. */
  readonly descriptor: Descriptor;
}

/** Which referrers are listed. */
export interface ReferrersOptions extends AbortOptions {
  /** Only those of this type: `application/spdx+json`. @default all */
  readonly artifactType?: string | undefined;
  /** Those of one image of an index: 'linux/arm64'. @default those of the index itself */
  readonly platform?: Platform | string | undefined;
}

/** One image of an index, in place of the index. */
export interface SubjectOptions extends AbortOptions {
  readonly platform?: Platform | undefined;
}

/** Manifests that others are about. */
export interface Subjects {
  /**
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such manifest; {@link RegistryError} when the
   * registry fails
   */
  resolve(reference: Reference, options: SubjectOptions): Promise<Descriptor>;
  /**
   * What refers to a manifest, from the registry's API or from the index under the fallback tag.
   * @throws as {@link resolve}
   */
  referrersOf(
    reference: Reference,
    options: SubjectOptions & Pick<ReferrersOptions, 'artifactType'>,
  ): Promise<readonly Referrer[]>;
}

export interface SubjectsOptions {
  /** With the rights to push. */
  readonly registries: Registries;
  /** With the rights to read only. */
  readonly sourceRegistries: Registries;
  readonly credentials: ClientCredentials;
  /** For each question, the first included. */
  readonly attempts: number;
  /** Told of each wait for a registry. */
  readonly warn: (message: string) => void;
}

/** Looks at manifests in registries, with the credentials of the push where they are for that registry. */
export function createSubjects({
  registries,
  sourceRegistries,
  credentials,
  attempts,
  warn,
}: SubjectsOptions): Subjects {
  const sideOf = (registry: string): 'forDestinations' | 'forSources' => {
    if (credentials.forDestinations === credentials.forSources) return 'forSources';
    try {
      credentials.assertFor([registry]);
      return 'forDestinations';
    } catch {
      return 'forSources'; // one user's password is for another registry
    }
  };
  const ask = async <T>(
    reference: Reference,
    { signal }: AbortOptions,
    question: (repository: Repository) => Promise<T>,
  ): Promise<T> => {
    const side = sideOf(reference.registry);
    try {
      const ways = side === 'forSources' ? sourceRegistries : registries;
      const repository = await connectTo(reference, ways, { signal, attempts, warn });
      const onRetry = tellRetries(canonicalName(reference), warn);
      const options = { signal, attempts, host: reference.registry, isTransient: isRetryable, onRetry };
      return await retrying(() => question(repository), options);
    } catch (error) {
      signal?.throwIfAborted();
      noteRegistryFacts(error, await credentials[side].factsOf(reference, { signal }));
      signal?.throwIfAborted();
      throw error;
    }
  };
  return {
    async resolve(reference, { platform, signal }) {
      const found = await ask(reference, { signal }, async (repository) => {
        const name = await nameOf(reference, repository, { platform, signal });
        return name === undefined ? undefined : await repository.resolve(name, { signal });
      });
      if (found === undefined) throw notFound(reference);
      return found;
    },
    async referrersOf(reference, { artifactType, platform, signal }) {
      const listed = await ask(reference, { signal }, async (repository) => {
        const name = await nameOf(reference, repository, { platform, signal });
        if (name === undefined) return undefined;
        const digest = isDigest(name) ? name : (await repository.resolve(name, { signal }))?.digest;
        if (digest === undefined) return undefined;
        const found = await repository.listReferrers(digest, { signal });
        // What is gone may have referrers still: it is asked for only where there are none.
        return found.length > 0 || (await repository.resolve(digest, { signal })) !== undefined ? found : undefined;
      });
      if (listed === undefined) throw notFound(reference);
      const { registry, repository } = reference;
      return listed
        .filter((descriptor) => artifactType === undefined || descriptor.artifactType === artifactType)
        .map((descriptor) => ({ reference: { registry, repository, digest: descriptor.digest }, descriptor }));
    },
  };
}

/**
 * A manifest as people name it: a tag, a digest, or neither for `latest`.
 * @throws {ClientError} {@link InvalidReferenceError}
 */
export function parseSubject(subject: string | Reference): Reference {
  if (typeof subject !== 'string') return withDefaultTag(subject);
  assertNoUser(subject);
  return parseReference(subject, { defaultTag });
}

/** The tag or digest by which a manifest is asked for; undefined where there is no such index to choose from. */
async function nameOf(
  { tag, digest }: Reference,
  repository: Repository,
  { platform, signal }: SubjectOptions,
): Promise<string | undefined> {
  const name = digest ?? tag ?? defaultTag;
  return platform === undefined ? name : (await repository.getImage(name, { platform, signal }))?.digest;
}

function notFound(reference: Reference): SourceError {
  return new SourceError('ERR_SOURCE_NOT_FOUND', `There is no manifest ${formatReference(reference)}`, {
    hint: 'Check the repository and the tag; a private repository that you may not read looks the same',
  });
}
