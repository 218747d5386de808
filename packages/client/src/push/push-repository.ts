import type { AbortOptions } from '@slipway/digest';
import { type ImageSource, SourceError } from '@slipway/image-source';
import type { Destination, PushDelivery, PushResult } from '@slipway/push';
import { isTag, parseReference, type Reference, withTag } from '@slipway/reference';
import { RegistryError, type Repository } from '@slipway/registry-client';
import { ClientError } from '../errors.ts';
import { isOlder } from '../selection/is-older.ts';
import { matchesTag } from '../selection/tag-pattern.ts';
import type { OpenRegistryImageOptions, SourceRegistries, SourceRepository } from '../sources/registry-source.ts';

export interface PushRepositoryOptions extends AbortOptions {
  /** Only tags that match. @default all */
  readonly pattern?: string | undefined;
  /** Only images made at that time or later. @default all */
  readonly newerThan?: Date | undefined;
  /** What stays as it is. @default nothing */
  readonly leaveOut?: ((reference: Reference) => boolean) | undefined;
  /**
   * A tag that both sides name the same manifest by needs no push: nothing is converted, chosen or looked for besides.
   */
  readonly mayMatch: boolean;
  /** A v1 registry may forget what is not in the list that begins a push: all images go at once. */
  readonly isTogether: boolean;
  readonly opening: OpenRegistryImageOptions;
}

export interface PushRepositoryParts {
  readonly sources: SourceRegistries;
  readonly destinationOf: (reference: Reference) => Promise<Destination>;
  /** Pushes opened images. */
  readonly push: (deliveries: readonly PushDelivery[]) => Promise<readonly PushResult[]>;
  /** Told of a tag that has nothing to do. */
  readonly onUnchanged: (result: Extract<PushResult, { ok: true }>) => void;
}

/** Tags that are looked at side by side; within each, the engine bounds what is transferred. */
const tagsAtOnce = 4;

/**
 * Pushes the tags of one repository of a registry to others. A tag that both sides name the same manifest by costs one
 * HEAD on each side; the rest are pushed as single images are, each ending by itself. What the registry lists and is no
 * tag is a failure of the source at each of the places.
 *
 * @throws {SourceError} when the repository cannot be read
 * @throws {ClientError} `ERR_CLIENT_NO_ITEM` when no tag is wanted
 */
export async function pushRepository(
  text: string,
  repositories: readonly Reference[],
  options: PushRepositoryOptions,
  parts: PushRepositoryParts,
): Promise<readonly PushResult[]> {
  const reference = parseReference(text);
  const { signal, pattern } = options;
  const source = await parts.sources.openRepository(reference, { signal });
  const listed = await source.retry(async () => await wantedTags(source, pattern, { signal }));
  if (listed.length === 0) {
    const which = pattern === undefined ? 'has no tags' : `has no tag that matches ${JSON.stringify(pattern)}`;
    throw new ClientError('ERR_CLIENT_NO_ITEM', `docker://${text} ${which}`, { hint: 'check the repository’s name' });
  }
  const tags = listed.filter(isTag);
  const refused = listed.filter((name) => !isTag(name)).flatMap((name) => refusals(name, text, repositories));
  if (options.isTogether) return [...(await pushTogether(tags, repositories, source, options, parts)), ...refused];
  const places = await Promise.all(
    repositories.map(async (repository): Promise<Place> => ({ repository, stat: await statOf(parts, repository) })),
  );
  const results = new Map<string, readonly PushResult[]>();
  const left = [...tags];
  const worker = async (): Promise<void> => {
    for (let tag = left.shift(); tag !== undefined; tag = left.shift()) {
      signal?.throwIfAborted();
      results.set(tag, await pushTag(tag, { source, places, options, parts }));
    }
  };
  await Promise.all(Array.from({ length: tagsAtOnce }, worker));
  return [...tags.flatMap((tag) => results.get(tag) ?? []), ...refused];
}

function refusals(name: string, source: string, repositories: readonly Reference[]): readonly PushResult[] {
  const message = `docker://${source} lists ${JSON.stringify(name.slice(0, 140))}, which is no tag`;
  const error = new SourceError('ERR_SOURCE_INVALID', message, {
    hint: 'the rest is pushed; `tags` chooses among them',
  });
  return repositories.map((reference) => ({ ok: false, reference, error, totals: nothingDone }));
}

async function wantedTags(
  { repository, reference }: SourceRepository,
  pattern: string | undefined,
  options: AbortOptions,
): Promise<readonly string[]> {
  const name = `${reference.registry}/${reference.repository}`;
  const tags: string[] = [];
  try {
    for await (const tag of repository.listTags(options)) {
      if (pattern === undefined || matchesTag(pattern, name, tag)) tags.push(tag);
    }
  } catch (error) {
    const isAbsent = error instanceof RegistryError && error.code === 'ERR_REGISTRY_NOT_FOUND';
    if (!isAbsent) throw error; // a repository without tags looks the same
  }
  return tags;
}

async function pushTogether(
  tags: readonly string[],
  repositories: readonly Reference[],
  source: SourceRepository,
  { newerThan, leaveOut = () => false, opening, signal }: PushRepositoryOptions,
  { destinationOf, push }: PushRepositoryParts,
): Promise<readonly PushResult[]> {
  const opened: ImageSource[] = [];
  try {
    const deliveries: PushDelivery[] = [];
    for (const tag of tags) {
      const wanted = repositories.map((each) => withTag(each, tag)).filter((each) => !leaveOut(each));
      if (wanted.length === 0) continue;
      const image = await source.open(withTag(source.reference, tag), { ...opening, signal });
      opened.push(image);
      const [item] = image.items;
      if (item === undefined || (newerThan !== undefined && isOlder(image.items, newerThan))) continue;
      const destinations = await Promise.all(wanted.map((each) => destinationOf(each)));
      deliveries.push({ item, destinations });
    }
    return await push(deliveries);
  } finally {
    for (const image of opened) await image[Symbol.asyncDispose]();
  }
}

interface Place {
  readonly repository: Reference;
  /** The manifest that a tag names there now; undefined where there is none, or that cannot be told. */
  readonly stat: (tag: string, options: AbortOptions) => Promise<ManifestNamed | undefined>;
}

interface ManifestNamed {
  readonly digest: string | undefined;
}

/** Asks a destination through the first way to it that works; what fails is told by the push itself. */
async function statOf({ destinationOf }: PushRepositoryParts, repository: Reference): Promise<Place['stat']> {
  const { endpoints } = await destinationOf(withTag(repository, 'latest'));
  const connect = async (options: AbortOptions): Promise<Repository | undefined> => {
    for (const endpoint of endpoints) {
      const client = await endpoint.connect(options).catch(() => undefined);
      if (client !== undefined) return client;
    }
    return undefined;
  };
  let client: ReturnType<typeof connect> | undefined;
  return async (tag, options) => {
    client ??= connect(options);
    const repositoryClient = await client;
    return await repositoryClient?.statManifest(tag, options).catch(() => undefined);
  };
}

interface TagToPush {
  readonly source: SourceRepository;
  readonly places: readonly Place[];
  readonly options: PushRepositoryOptions;
  readonly parts: PushRepositoryParts;
}

const nothingDone = Object.freeze({ existed: 0, mounted: 0, uploaded: 0, skipped: 0, bytesToSend: 0, bytesSent: 0 });

async function pushTag(
  tag: string,
  { source, places: all, options, parts }: TagToPush,
): Promise<readonly PushResult[]> {
  const { destinationOf, push, onUnchanged } = parts;
  const { signal, newerThan, leaveOut = () => false, mayMatch, opening } = options;
  const places = all.filter(({ repository }) => !leaveOut(withTag(repository, tag)));
  if (places.length === 0) return [];
  const unchanged = new Map<Place, PushResult>();
  try {
    const stat = await source.retry(() => source.repository.statManifest(tag, { signal }));
    if (stat?.digest !== undefined && mayMatch) {
      const { digest, mediaType, size = 0 } = stat;
      for (const place of places) {
        const there = await place.stat(tag, { signal });
        if (there?.digest !== digest) continue;
        const reference = withTag(place.repository, tag);
        const result = { ok: true, reference, digest, mediaType, size, unchanged: true, totals: nothingDone } as const;
        onUnchanged(result);
        unchanged.set(place, result);
      }
    }
    const changed = places.filter((place) => !unchanged.has(place));
    if (changed.length === 0) return [...unchanged.values()];
    await using image = await source.open(withTag(source.reference, tag), { ...opening, signal });
    if (newerThan !== undefined && isOlder(image.items, newerThan)) return [...unchanged.values()];
    const destinations = await Promise.all(changed.map(({ repository }) => destinationOf(withTag(repository, tag))));
    const [item] = image.items;
    return [...unchanged.values(), ...(item === undefined ? [] : await push([{ item, destinations }]))];
  } catch (cause) {
    signal?.throwIfAborted();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return places.map((place) => {
      const reference = withTag(place.repository, tag);
      return unchanged.get(place) ?? { ok: false, reference, error, totals: nothingDone };
    });
  }
}
