import type { AbortOptions, Digest } from '@slipway/digest';
import { isManifestMediaType, rereadManifest } from '@slipway/manifest';
import type { Repository } from '@slipway/registry-client';
import type { Manifest } from '../../plan/plan-types.ts';
import { saysNoRepository } from '../../presence/claims.ts';
import type { Target } from '../../presence/target.ts';
import { tagIn } from './by-digest.ts';

/** A question that takes longer is given up: it stands for another one, which was asked patiently. */
const lookLimitMs = 15_000;

/**
 * What a registry shows of a manifest that it took and does not let be looked at: the tag among its tags or, where that
 * is not told, the config that the manifest names.
 *
 * @returns in words; undefined where it shows nothing of the kind
 */
export async function seenOtherwise(
  tagOrDigest: string,
  manifest: Manifest,
  { repository }: Target,
  { signal }: AbortOptions,
): Promise<string | undefined> {
  const soon = AbortSignal.timeout(lookLimitMs);
  const options = { signal: signal === undefined ? soon : AbortSignal.any([signal, soon]) };
  const tag = tagIn(tagOrDigest);
  const isListed = tag === undefined ? undefined : await lists(repository, tag, options);
  signal?.throwIfAborted();
  if (isListed !== undefined) return isListed ? 'the list of tags has it' : undefined;
  const config = configOf(manifest);
  const found = config && (await repository.statBlob(config, options).catch(() => undefined));
  signal?.throwIfAborted();
  return found && 'what it names is there';
}

/** @returns undefined where the registry has no list of tags, or does not get it together */
async function lists(repository: Repository, tag: string, options: AbortOptions): Promise<boolean | undefined> {
  try {
    for await (const listed of repository.listTags(options)) if (listed === tag) return true;
    return false;
  } catch (error) {
    return saysNoRepository(error) ? false : undefined;
  }
}

function configOf({ bytes, mediaType }: Manifest): Digest | undefined {
  if (!isManifestMediaType(mediaType)) return undefined;
  const parsed = rereadManifest({ bytes, mediaType });
  return 'config' in parsed ? parsed.config.digest : undefined;
}
