import type { AbortOptions, Digest } from '@slipway/digest';
import {
  compressionOfMediaType,
  type Descriptor,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseManifest,
} from '@slipway/manifest';
import type { Repository } from '@slipway/registry-client';
import type { BlobIdentity } from '../form/form.ts';
import type { Manifest } from '../plan/plan.ts';

/** Manifests looked at beside the destination tag, when that does not tell enough. */
const furtherTags = 2;
/** A config larger than this is not read. */
const maxConfigSize = 8 * 1024 * 1024;
/** Pages of tags are not followed: the first is enough to find a recent one. */
const tagsLookedAt = 1000;

export interface LearnOptions extends AbortOptions {
  /** diffIDs that the local image claims; nothing else is learnt. */
  readonly wanted: ReadonlySet<Digest>;
  readonly platform: Platform | undefined;
  /** Asked first, in this order: `--learn-from`, then the destination's own tag. */
  readonly references: readonly string[];
  /** The gzip form of a layer, under its diffID. */
  readonly learnt: Map<string, BlobIdentity>;
}

/**
 * Reads which diffID has which digest from manifests and configs that the repository has now, so that unchanged layers
 * need neither be compressed nor sent. Best effort: whatever cannot be read teaches nothing.
 *
 * @returns the manifests that were read, by tag
 */
export async function learnFromRepository(
  repository: Repository,
  options: LearnOptions,
): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>();
  const missing = (): boolean => [...options.wanted].some((diffID) => !options.learnt.has(diffID));
  try {
    for (const reference of options.references) {
      if (missing()) await learnFrom(repository, reference, manifests, options);
    }
    if (missing()) {
      for (const tag of await recentTags(repository, options)) {
        if (missing()) await learnFrom(repository, tag, manifests, options);
      }
    }
  } catch {
    options.signal?.throwIfAborted(); // a registry that does not answer here will say so when it matters
  }
  return manifests;
}

async function learnFrom(
  repository: Repository,
  reference: string,
  manifests: Map<string, Manifest>,
  options: LearnOptions,
): Promise<void> {
  const found = await repository.getManifest(reference, { signal: options.signal });
  if (found === undefined) return;
  manifests.set(reference, found);
  const image = await imageManifest(repository, found, options);
  if (image === undefined) return;
  const config = parseImageConfig(await readConfig(repository, image.config, options));
  const diffIDs = config.rootfs.diff_ids;
  if (diffIDs.length !== image.layers.length) return;
  for (const [at, diffID] of diffIDs.entries()) {
    const layer = image.layers[at];
    // Only gzip layers are docker's form of a diffID; a foreign one is not in the repository.
    const usable =
      layer !== undefined && compressionOfMediaType(layer.mediaType) === 'gzip' && (layer.urls?.length ?? 0) === 0;
    if (usable && options.wanted.has(diffID) && !options.learnt.has(diffID)) {
      options.learnt.set(diffID, { digest: layer.digest, size: layer.size });
    }
  }
}

interface LayeredManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

async function imageManifest(
  repository: Repository,
  found: Manifest,
  { platform, signal }: LearnOptions,
): Promise<LayeredManifest | undefined> {
  const parsed = parseManifest(found.bytes, found.mediaType);
  if (parsed.kind === 'docker-manifest' || parsed.kind === 'oci-manifest') return parsed;
  if (parsed.kind !== 'docker-list' && parsed.kind !== 'oci-index') return undefined;
  const child = parsed.manifests.find(
    ({ platform: own }) => own !== undefined && (platform === undefined || matchPlatform(platform, own)),
  );
  const manifest = child && (await repository.getManifest(child.digest, { signal }));
  if (manifest === undefined) return undefined;
  const inner = parseManifest(manifest.bytes, manifest.mediaType);
  return inner.kind === 'docker-manifest' || inner.kind === 'oci-manifest' ? inner : undefined;
}

async function readConfig(repository: Repository, config: Descriptor, { signal }: AbortOptions): Promise<Uint8Array> {
  if (config.size > maxConfigSize)
    throw new RangeError(`The config ${config.digest} has ${config.size} bytes: too large to learn from`);
  const bytes = new Uint8Array(config.size);
  let offset = 0;
  for await (const chunk of repository.openBlob(config.digest, { signal })) {
    if (offset + chunk.byteLength > config.size)
      throw new RangeError(`The config ${config.digest} is larger than its descriptor says`);
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes.subarray(0, offset);
}

/** Tags most likely to share layers: `latest`, then the highest by natural order. Registries do not say which is newest. */
async function recentTags(repository: Repository, { references, signal }: LearnOptions): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of repository.listTags({ signal })) {
    if (tags.push(tag) >= tagsLookedAt) break;
  }
  const natural = new Intl.Collator('en', { numeric: true });
  const others = tags.filter((tag) => !references.includes(tag)).sort((a, b) => natural.compare(b, a));
  const latestFirst = others.includes('latest') ? ['latest', ...others.filter((tag) => tag !== 'latest')] : others;
  return latestFirst.slice(0, furtherTags);
}
