import {
  ArgumentError,
  aBoolean,
  aCount,
  anObject,
  aSignal,
  assertArgument,
  assertMembers,
  assertOptions,
  aText,
  listOf,
  oneOf,
  withMethods,
} from '@slipway/arguments';
import type { AbortOptions, Digest } from '@slipway/digest';
import { type Descriptor, isIndexMediaType, parseManifest } from '@slipway/manifest';
import { isTag } from '@slipway/reference';
import { RegistryError } from '../errors.ts';
import { acceptAll, maxManifestSize } from '../repository/manifests.ts';
import { referrersTag } from '../repository/referrers.ts';
import type { Repository } from '../repository.ts';

/** What is to go: a tag, or a manifest with all its tags. */
export interface DeletionTarget {
  /** With a digest too, the tag has to name that manifest. */
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

export interface PlanDeletionOptions extends AbortOptions {
  /** Of a tag, deletes the manifest that it names, with all its tags. @default false; true where there is no tag */
  readonly manifest?: boolean | undefined;
  /** Tags that are looked at: one HEAD each. @default 1000 */
  readonly maxTags?: number | undefined;
}

/** An index of the repository that names a manifest. */
export interface ParentIndex {
  readonly digest: Digest;
  readonly tags: readonly string[];
}

/** What a deletion would do, and what else hangs on it. Nothing was changed. */
export interface DeletionPlan {
  readonly kind: 'tag' | 'manifest';
  /** What the tag names, or what was asked for. */
  readonly manifest: Descriptor;
  /** Tags that would go: the one, or all that name the manifest. */
  readonly tags: readonly string[];
  /** Other tags of the same manifest, which stay. Empty where the manifest goes. */
  readonly otherTags: readonly string[];
  /** Indexes under a tag that name the manifest, and would lack it. Empty where it stays. */
  readonly parents: readonly ParentIndex[];
  /** Manifests that an index names. They stay, without a name. Empty where the manifest stays, or is no index. */
  readonly children: readonly Descriptor[];
  /** What refers to the manifest (signatures, SBOMs), and would refer to nothing. Empty where it stays. */
  readonly referrers: readonly Descriptor[];
  /**
   * Tags that are named after the manifest: of cosign, and of the index of referrers. They stay. Empty where it stays.
   */
  readonly companionTags: readonly string[];
  /** Whether all tags were looked at. If not, more tags and indexes may name the manifest. */
  readonly isComplete: boolean;
}

const aRepository = withMethods('a repository', 'resolve', 'deleteTag', 'deleteManifest');
const defaultMaxTags = 1_000;
const questionsAtOnce = 8;

/**
 * Finds out what deleting a tag or a manifest would do: which other tags name the same manifest, which indexes need it,
 * what refers to it. Costs one list of tags and a HEAD for each, and a GET for each index among them where the manifest
 * is to go.
 *
 * @returns undefined where there is nothing under that tag or digest
 * @throws {RegistryError} `ERR_REGISTRY_NOT_DELETED` where a tag names another manifest than the digest that was given
 * with it
 */
export async function planDeletion(
  repository: Repository,
  target: DeletionTarget,
  options: PlanDeletionOptions = {},
): Promise<DeletionPlan | undefined> {
  assertArgument('repository', repository, aRepository);
  assertMembers('target', target, { optional: { tag: aText, digest: aText } });
  assertOptions('options', options, { optional: { manifest: aBoolean, maxTags: aCount, signal: aSignal } });
  const { tag, digest } = target;
  const { manifest: takesManifest = tag === undefined, maxTags = defaultMaxTags, signal } = options;
  const named = tag ?? digest;
  if (named === undefined) {
    throw new ArgumentError('target', 'Expected `target` to have a tag or a digest, got neither');
  }
  const manifest = await repository.resolve(named, { signal });
  if (manifest === undefined) return undefined;
  if (digest !== undefined && manifest.digest !== digest) throw tagMoved(repository, named, manifest.digest, digest);
  const { tags, isComplete } = await tagsOf(repository, maxTags, signal);
  const same = tags.filter(({ descriptor }) => descriptor?.digest === manifest.digest).map(({ name }) => name);
  const names = tag === undefined || same.includes(tag) ? same : [tag, ...same];
  const nothing = { parents: [], children: [], referrers: [], companionTags: [] };
  if (tag !== undefined && !takesManifest) {
    const otherTags = names.filter((name) => name !== tag);
    return { kind: 'tag', manifest, tags: [tag], otherTags, ...nothing, isComplete };
  }
  const prefix = referrersTag(manifest.digest);
  return {
    kind: 'manifest',
    manifest,
    tags: names,
    otherTags: [],
    parents: await parentsOf(repository, manifest.digest, tags, signal),
    children: await childrenOf(repository, manifest, signal),
    referrers: await repository.listReferrers(manifest.digest, { signal }),
    companionTags: tags.map(({ name }) => name).filter((name) => name === prefix || name.startsWith(`${prefix}.`)),
    isComplete,
  };
}

/** What a deletion did. */
export interface DeletionResult {
  /** Tags that are gone. */
  readonly tags: readonly string[];
  /** The manifest, if it is gone; with a tag that is the registry's own doing. */
  readonly manifest: Digest | undefined;
}

/**
 * Does what was planned, and sees that it is done. A tag that has been moved since stays.
 *
 * @throws {RegistryError} `ERR_REGISTRY_UNSUPPORTED` where the registry cannot do it, `ERR_REGISTRY_NOT_DELETED` where
 * it says that it did, and did not, or where the tag names another manifest by now
 */
export async function carryOutDeletion(
  repository: Repository,
  plan: DeletionPlan,
  options: AbortOptions = {},
): Promise<DeletionResult> {
  assertArgument('repository', repository, aRepository);
  assertMembers('plan', plan, {
    required: { kind: oneOf('tag', 'manifest'), manifest: anObject, tags: listOf(aText) },
  });
  assertOptions('options', options, { optional: { signal: aSignal } });
  const { kind, manifest, tags } = plan;
  assertArgument('plan.manifest.digest', manifest.digest, aText);
  const { digest } = manifest;
  const { signal } = options;
  const [tag] = tags;
  if (kind === 'tag' && tag !== undefined) {
    const named = await repository.resolve(tag, { signal });
    if (named !== undefined && named.digest !== digest) throw tagMoved(repository, tag, named.digest, digest);
    const deleted = await repository.deleteTag(tag, { signal });
    return { tags: [tag], manifest: deleted?.keepsManifest === false ? digest : undefined };
  }
  await repository.deleteManifest(digest, { signal });
  const left = await eachOf(tags, async (name) => {
    const named = await repository.resolve(name, { signal });
    // A registry may keep tags of what it deleted (getnora-io/nora#658).
    if (named?.digest === digest) await repository.deleteTag(name, { signal });
    return named === undefined || named.digest === digest ? [name] : [];
  });
  return { tags: left.flat(), manifest: digest };
}

interface NamedTag {
  readonly name: string;
  /** Undefined where the tag names nothing. */
  readonly descriptor: Descriptor | undefined;
}

/** The tags of a repository with what they name, as far as that can be told. */
async function tagsOf(
  repository: Repository,
  maxTags: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly tags: readonly NamedTag[]; readonly isComplete: boolean }> {
  const names: string[] = [];
  let isComplete = true;
  try {
    for await (const name of repository.listTags({ signal })) {
      if (names.length === maxTags) {
        isComplete = false;
        break;
      }
      if (isTag(name)) names.push(name);
      else isComplete = false; // nobody can ask what it names
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    isComplete = false; // a registry that lists no tags, or not to everybody, may still delete
  }
  const tags = await eachOf(names, async (name) => ({ name, descriptor: await repository.resolve(name, { signal }) }));
  return { tags, isComplete };
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.status !== undefined && error.status < 500 && !error.transient;
}

async function parentsOf(
  repository: Repository,
  child: Digest,
  tags: readonly NamedTag[],
  signal: AbortSignal | undefined,
): Promise<readonly ParentIndex[]> {
  const byDigest = new Map<Digest, string[]>();
  for (const { name, descriptor } of tags) {
    if (descriptor === undefined || !isIndexMediaType(descriptor.mediaType) || descriptor.digest === child) continue;
    byDigest.set(descriptor.digest, [...(byDigest.get(descriptor.digest) ?? []), name]);
  }
  const found = await eachOf([...byDigest], async ([digest, names]) => {
    const entries = await entriesOf(repository, digest, signal);
    return entries.some((entry) => entry.digest === child) ? [{ digest, tags: names }] : [];
  });
  return found.flat();
}

async function childrenOf(
  repository: Repository,
  { mediaType, digest }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  return isIndexMediaType(mediaType) ? await entriesOf(repository, digest, signal) : [];
}

/** The entries of an index; none of one that is gone, or cannot be read. */
async function entriesOf(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  const content = await repository.getManifest(digest, { accept: acceptAll, signal });
  if (content === undefined) return [];
  try {
    const parsed = parseManifest(content.bytes, content.mediaType, { maxSize: maxManifestSize, onBadEntry: () => {} });
    return 'manifests' in parsed ? parsed.manifests : [];
  } catch {
    return []; // what breaks its format names nothing that could be relied on
  }
}

function tagMoved({ registry, path }: Repository, tag: string, now: Digest, expected: Digest): RegistryError {
  return new RegistryError(`${registry}/${path}:${tag} is not deleted: it names ${now}, not ${expected}`, {
    code: 'ERR_REGISTRY_NOT_DELETED',
    operation: 'delete-tag',
  });
}

/** Asks about each, a few at a time, and keeps the order. */
async function eachOf<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await ask(next[1]);
  };
  await Promise.all(Array.from({ length: questionsAtOnce }, worker));
  return results;
}
