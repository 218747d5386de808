import type { SourceImage, SourceIndex, SourceItem } from '@slipway/image-source';
import { formatPlatform } from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { LayerKind } from '../push.ts';
import { orderChildren } from './followers.ts';
import { assembleIndex, type IndexEntry, indexEntries, warnOfAttestations, zstdAnnotation } from './index-assembly.ts';
import { compressionOf, kindOf } from './layer-kind.ts';
import { choosePlatform, planItem, planReferrers } from './plan.ts';
import type { IndexPlan, ItemPlan, PlanContext } from './plan-types.ts';

/**
 * Plans one index that has each image in several forms. Clients that know nothing of it take the first entry for their
 * platform; so images with zstd layers stand behind all others, and say what they are.
 *
 * @see https://github.com/containers/image/blob/v5.34.0/internal/manifest/oci_index.go
 * @throws {PushError} ERR_PUSH_FORMAT for what is no image, and for `format` docker, whose lists have no annotations
 */
export function planVariants(item: SourceItem, kinds: readonly LayerKind[], context: PlanContext): IndexPlan {
  if (context.format === 'docker') throw cannot('a Docker manifest list has no annotations to tell them by');
  const chosen = context.platform === undefined ? item : choosePlatform(item, context.platform);
  if (chosen.kind === 'artifact') throw cannot('it is an artifact');
  const oci: PlanContext = { ...context, format: 'oci', platform: undefined };
  const plan = planIndex(chosen, kinds, oci);
  return { ...plan, referrers: planReferrers(chosen, undefined, oci) };
}

/** One entry of the index to make, with what becomes of it. */
interface Variant {
  readonly entry: IndexEntry;
  readonly plan: ItemPlan;
}

function planIndex(
  item: SourceImage | SourceIndex,
  kinds: readonly LayerKind[],
  context: PlanContext,
): Omit<IndexPlan, 'referrers'> {
  if (item.kind === 'index' && (item.blobs?.length ?? 0) > 0) throw cannot('its index lists blobs');
  const entries = item.kind === 'index' ? indexEntries(item, context) : [entryOf(item)];
  const [first = 'gzip', ...others] = zstdLast(kinds);
  const variants = [
    ...oneForEach(entries, first).map((entry) => variantOf(entry, first, kinds, context)),
    ...others.flatMap((kind) =>
      oneForEach(entries, kind).flatMap((entry) =>
        hasForms(entry.item) ? variantOf(entry, kind, kinds, context) : [],
      ),
    ),
  ];
  const made = variants.map(({ entry }) => entry);
  const plans = variants.map(({ plan }) => plan);
  warnOfAttestations(made, plans, context);
  return {
    kind: 'index',
    children: plans,
    order: orderChildren(made, plans, context),
    blobs: [],
    verbatim: undefined,
    assemble: (manifests) => assembleIndex('oci', item.kind === 'index' ? item : undefined, made, manifests),
  };
}

function variantOf(entry: IndexEntry, kind: LayerKind, kinds: readonly LayerKind[], context: PlanContext): Variant {
  const { descriptor, item } = entry;
  if (item.kind === 'index') return { entry, plan: { ...planIndex(item, kinds, context), referrers: [] } };
  if (!hasForms(item)) return { entry, plan: planItem(item, { ...context, format: 'keep', compression: 'keep' }) };
  const plan = planItem(item, { ...context, compression: kind });
  if (compressionOf(kind) !== 'zstd') return { entry, plan };
  const annotations = { ...descriptor.annotations, [zstdAnnotation]: 'true' };
  return { entry: { item, descriptor: { ...descriptor, annotations } }, plan };
}

/** Whether there is anything about an item that has another form. */
function hasForms(item: SourceItem): boolean {
  return item.kind === 'image' && item.layers.some(({ content }) => content !== undefined);
}

/** An index may have an image in several forms already: of those, the one that is nearest to the wanted form. */
function oneForEach(entries: readonly IndexEntry[], wanted: LayerKind): readonly IndexEntry[] {
  const chosen = new Map<string, IndexEntry>();
  for (const [at, entry] of entries.entries()) {
    const { item, descriptor } = entry;
    const platform = descriptor.platform ?? (item.kind === 'image' ? item.platform : undefined);
    const name = item.kind === 'image' ? `${item.config.digest} ${platform && formatPlatform(platform)}` : String(at);
    if (!chosen.has(name) || has(item, wanted)) chosen.set(name, entry);
  }
  return [...chosen.values()];
}

function has(item: SourceItem, kind: LayerKind): boolean {
  return item.kind === 'image' && item.layers.every((layer) => layer.content === undefined || kindOf(layer) === kind);
}

function zstdLast(kinds: readonly LayerKind[]): readonly LayerKind[] {
  const isZstd = (kind: LayerKind): boolean => compressionOf(kind) === 'zstd';
  return [...kinds.filter((kind) => !isZstd(kind)), ...kinds.filter(isZstd)];
}

/** What an index would say of an image that is in none. */
function entryOf(image: SourceImage): IndexEntry {
  const { digest, mediaType, bytes } = image.manifest ?? image.config;
  return { item: image, descriptor: { mediaType, digest, size: bytes.byteLength } };
}

function cannot(why: string): PushError {
  return new PushError('ERR_PUSH_FORMAT', `Could not plan several forms of layers in one index: ${why}`, {
    op: 'plan',
    origin: 'request',
    hint: 'name one `compression`, or leave `format` out',
  });
}
