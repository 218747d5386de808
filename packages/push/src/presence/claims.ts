import { type AbortOptions, type Digest, verified } from '@slipway/digest';
import {
  compressionOfMediaType,
  type Descriptor,
  isForeign,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseManifest,
} from '@slipway/manifest';
import { RegistryError } from '@slipway/registry-client';
import { claimed } from '../knowledge.ts';
import type { Manifest } from '../plan/plan-types.ts';
import type { Target } from './target.ts';

/** Manifests looked at beside the destination tag, when that does not tell enough. */
const furtherTags = 2;
/** A config larger than this is not read. */
const maxConfigSize = 8 * 1024 * 1024;
/** Pages of tags are not followed: the first is enough to find a recent one. */
const tagsLookedAt = 1000;
/**
 * A list that takes longer is not waited for: some registries read a hundred thousand tags first, and nothing depends
 * on it.
 */
const listLimitMs = 4_000;

export interface ClaimsOptions extends AbortOptions {
  /** diffIDs that the local image claims; nothing else is learnt. */
  readonly wanted: ReadonlySet<Digest>;
  readonly platform: Platform | undefined;
  /** Asked first, in this order: `learnFrom`, then the destination's own tag. */
  readonly references: readonly string[];
}

/**
 * Reads what manifests and configs of the repository claim: which diffID has which digest. Somebody else may have
 * written them; a claim decides nothing before it is proven. Best effort: whatever cannot be read claims nothing.
 *
 * @returns the manifests that were read, by tag or digest
 */
export async function readClaims(target: Target, options: ClaimsOptions): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>();
  const isMissing = (): boolean => [...options.wanted].some((diffID) => !target.presence.claims.has(diffID));
  try {
    for (const reference of options.references) {
      if (isMissing()) await readManifest(target, reference, manifests, options);
    }
    if (isMissing()) {
      for (const tag of await recentTags(target, options)) {
        if (isMissing()) await readManifest(target, tag, manifests, options);
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted(); // a registry that does not answer here will say so when it matters
    if (saysNoRepository(error)) target.presence.noteRepositoryUnknown();
  }
  return manifests;
}

/** Whether the registry knows no such repository, and says so. */
export function saysNoRepository(error: unknown): boolean {
  return error instanceof RegistryError && error.diagnostics.some(({ code }) => code === 'NAME_UNKNOWN');
}

async function readManifest(
  target: Target,
  reference: string,
  manifests: Map<string, Manifest>,
  options: ClaimsOptions,
): Promise<void> {
  const { signal } = options;
  const found = await target.ask((repository) => repository.getManifest(reference, { signal }), { signal });
  if (found === undefined) return;
  manifests.set(reference, found);
  const image = await imageManifest(target, found, options);
  if (image === undefined) return;
  const { diff_ids: diffIDs } = parseImageConfig(await readConfig(target, image.config, options)).rootfs;
  if (diffIDs.length !== image.layers.length) return;
  for (const [at, diffID] of diffIDs.entries()) {
    const layer = image.layers[at];
    // Only gzip layers are docker's form of a diffID; a foreign one is not in the repository.
    const isUsable = layer !== undefined && compressionOfMediaType(layer.mediaType) === 'gzip' && !isForeign(layer);
    if (isUsable && options.wanted.has(diffID) && !target.presence.claims.has(diffID))
      target.presence.addClaim(diffID, claimed(layer));
  }
}

interface LayeredManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

async function imageManifest(
  target: Target,
  found: Manifest,
  { platform, signal }: ClaimsOptions,
): Promise<LayeredManifest | undefined> {
  const parsed = parseManifest(found.bytes, found.mediaType);
  if (parsed.kind === 'docker-manifest' || parsed.kind === 'oci-manifest') return parsed;
  if (parsed.kind !== 'docker-list' && parsed.kind !== 'oci-index') return undefined;
  const child = parsed.manifests.find(
    ({ platform: own }) => own !== undefined && (platform === undefined || matchPlatform(platform, own)),
  );
  if (child === undefined) return undefined;
  const manifest = await target.ask((repository) => repository.getManifest(child.digest, { signal }), { signal });
  if (manifest === undefined) return undefined;
  const inner = parseManifest(manifest.bytes, manifest.mediaType);
  return inner.kind === 'docker-manifest' || inner.kind === 'oci-manifest' ? inner : undefined;
}

/** The config's bytes, proven to be those of its digest. */
async function readConfig(
  { repository }: Target,
  { digest, size }: Descriptor,
  { signal }: AbortOptions,
): Promise<Uint8Array> {
  if (size > maxConfigSize)
    throw new RangeError(`Reading config ${digest}: expected at most ${maxConfigSize} bytes, got ${size}`);
  const bytes = new Uint8Array(size);
  let offset = 0;
  for await (const chunk of verified(repository.openBlob(digest, { size, signal }), { digest, size })) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/**
 * Tags most likely to share layers: `latest`, then the highest by natural order. Registries do not say which is newest.
 */
async function recentTags(
  { repository }: Target,
  { references, signal }: Pick<ClaimsOptions, 'references' | 'signal'>,
): Promise<string[]> {
  const tags: string[] = [];
  const soon = AbortSignal.timeout(listLimitMs);
  for await (const tag of repository.listTags({
    signal: signal === undefined ? soon : AbortSignal.any([signal, soon]),
  })) {
    if (tags.push(tag) >= tagsLookedAt) break;
  }
  const natural = new Intl.Collator('en', { numeric: true });
  const others = tags.filter((tag) => !references.includes(tag)).sort((a, b) => natural.compare(b, a));
  const latestFirst = others.includes('latest') ? ['latest', ...others.filter((tag) => tag !== 'latest')] : others;
  return latestFirst.slice(0, furtherTags);
}
