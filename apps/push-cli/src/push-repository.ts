import { type ImageSource, parseSourceText, type SourceItem } from '@slipway/image-source';
import type { Destination, PushResult } from '@slipway/push';
import { parseReference, type Reference, withTag } from '@slipway/reference';
import { RegistryError, type Repository } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import type { Engine } from './engine.ts';
import { CliError, usageError } from './errors.ts';
import type { ResolvedPushOptions } from './push-options.ts';
import { openSourceRepository, type SourceRepository } from './registry-source.ts';
import { sourceOptions } from './source-options.ts';
import { matchesTag } from './tag-pattern.ts';

export interface PushRepositoryContext {
  readonly engine: Engine;
  readonly context: CommandContext;
  readonly warn: (message: string) => void;
  /** Pushes one opened image. */
  readonly push: (source: ImageSource, destinations: readonly Destination[]) => Promise<readonly PushResult[]>;
  /** Told of a tag that has nothing to do. */
  readonly onUnchanged: (result: Extract<PushResult, { ok: true }>) => void;
}

/** Tags that are looked at side by side; within each, the engine bounds what is transferred. */
const tagsAtOnce = 4;

/** The repository of a `docker://` source; undefined for every other source. */
export function repositorySource(text: string): string | undefined {
  const parsed = parseSourceText(text);
  return parsed.transport === 'docker' ? parsed.reference : undefined;
}

/**
 * Pushes the tags of one repository of a registry to others. A tag that both sides name the same manifest by costs one HEAD on
 * each side; the rest are pushed as single images are, each ending by itself.
 *
 * @throws {SourceError} when the repository cannot be read
 * @throws {CliError} `ERR_CLI_USAGE` for a source with a tag; `ERR_CLI_NO_ITEM` when no tag is wanted
 */
export async function pushRepository(
  text: string,
  repositories: readonly Reference[],
  options: ResolvedPushOptions,
  tools: PushRepositoryContext,
): Promise<readonly PushResult[]> {
  const reference = parseReference(text);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw usageError(`docker://${text} names one image, and --all-tags takes a repository`, 'leave the tag off');
  }
  const { engine, context, warn } = tools;
  const onNotice = ({ message }: { readonly message: string }): void => warn(message);
  const opening = { ...sourceOptions(options), warn, onNotice };
  await using source = await openSourceRepository(reference, opening, context);
  const tags = await source.retry(async () => await wantedTags(source, options.tags, context.signal));
  if (tags.length === 0) {
    const which =
      options.tags === undefined ? 'has no tags' : `has no tag that matches ${JSON.stringify(options.tags)}`;
    throw new CliError('ERR_CLI_NO_ITEM', `docker://${text} ${which}`, { hint: 'check the repository’s name' });
  }
  const places = await Promise.all(
    repositories.map(async (repository): Promise<Place> => ({ repository, stat: await statOf(engine, repository) })),
  );
  const results = new Map<string, readonly PushResult[]>();
  const left = [...tags];
  const worker = async (): Promise<void> => {
    for (let tag = left.shift(); tag !== undefined; tag = left.shift()) {
      context.signal.throwIfAborted();
      results.set(tag, await pushTag(tag, { source, places, options, tools }));
    }
  };
  await Promise.all(Array.from({ length: tagsAtOnce }, worker));
  return tags.flatMap((tag) => results.get(tag) ?? []);
}

async function wantedTags(
  { repository, reference }: SourceRepository,
  pattern: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const name = `${reference.registry}/${reference.repository}`;
  const tags: string[] = [];
  try {
    for await (const tag of repository.listTags({ signal })) {
      if (pattern === undefined || matchesTag(pattern, name, tag)) tags.push(tag);
    }
  } catch (error) {
    const isAbsent = error instanceof RegistryError && error.code === 'ERR_REGISTRY_NOT_FOUND';
    if (!isAbsent) throw error; // a repository without tags looks the same
  }
  return tags;
}

interface Place {
  readonly repository: Reference;
  /** The manifest that a tag names there now; undefined where there is none, or that cannot be told. */
  readonly stat: (tag: string, signal: AbortSignal) => Promise<ManifestNamed | undefined>;
}

interface ManifestNamed {
  readonly digest: string | undefined;
}

/** Asks a destination through the first way to it that works; what fails is told by the push itself. */
async function statOf(engine: Engine, repository: Reference): Promise<Place['stat']> {
  const { endpoints } = await engine.destinationOf(withTag(repository, 'latest'));
  const connect = async (signal: AbortSignal): Promise<Repository | undefined> => {
    for (const endpoint of endpoints) {
      const client = await endpoint.connect({ signal }).catch(() => undefined);
      if (client !== undefined) return client;
    }
    return undefined;
  };
  let client: ReturnType<typeof connect> | undefined;
  return async (tag, signal) => {
    client ??= connect(signal);
    const repositoryClient = await client;
    return await repositoryClient?.statManifest(tag, { signal }).catch(() => undefined);
  };
}

interface TagToPush {
  readonly source: SourceRepository;
  readonly places: readonly Place[];
  readonly options: ResolvedPushOptions;
  readonly tools: PushRepositoryContext;
}

const nothingDone = Object.freeze({ existed: 0, mounted: 0, uploaded: 0, skipped: 0, bytesToSend: 0, bytesSent: 0 });

async function pushTag(tag: string, { source, places, options, tools }: TagToPush): Promise<readonly PushResult[]> {
  const { engine, context, push, onUnchanged } = tools;
  const { signal } = context;
  try {
    const stat = await source.retry(() => source.repository.statManifest(tag, { signal }));
    const mayMatch = options.format === 'keep' && options.compression === 'keep' && options.platform === undefined;
    const unchanged = new Map<Place, PushResult>();
    if (stat?.digest !== undefined && mayMatch && options.referrers !== true) {
      const { digest, mediaType, size = 0 } = stat;
      for (const place of places) {
        const there = await place.stat(tag, signal);
        if (there?.digest !== digest) continue;
        const reference = withTag(place.repository, tag);
        const result = { ok: true, reference, digest, mediaType, size, unchanged: true, totals: nothingDone } as const;
        onUnchanged(result);
        unchanged.set(place, result);
      }
    }
    const changed = places.filter((place) => !unchanged.has(place));
    if (changed.length === 0) return [...unchanged.values()];
    await using image = await source.open(withTag(source.reference, tag), signal);
    if (options.newerThan !== undefined && isOlder(image, options.newerThan)) return [...unchanged.values()];
    const destinations = await Promise.all(
      changed.map(({ repository }) => engine.destinationOf(withTag(repository, tag))),
    );
    return [...unchanged.values(), ...(await push(image, destinations))];
  } catch (cause) {
    signal.throwIfAborted();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return places.map(({ repository }) => ({
      ok: false,
      reference: withTag(repository, tag),
      error,
      totals: nothingDone,
    }));
  }
}

/** Whether an image was made before a time. One that does not say when is not. */
export function isOlder({ items }: Pick<ImageSource, 'items'>, time: Date): boolean {
  const times = items.flatMap(timesOf);
  return times.length > 0 && Math.max(...times) < time.getTime();
}

function timesOf(item: SourceItem): readonly number[] {
  if (item.kind === 'index') return item.children.flatMap((child) => timesOf(child.item));
  if (item.kind === 'artifact') return [];
  const { created } = JSON.parse(new TextDecoder().decode(item.config.bytes)) as { readonly created?: unknown };
  const made = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return Number.isNaN(made) ? [] : [made];
}
