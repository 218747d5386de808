import { type Descriptor, formatPlatform, isAttestation, normalizePlatform } from '@slipway/manifest';
import type { SourceIndex, SourceItem } from '../image-source.ts';

/**
 * All of a layout as one index, to the byte as `index.json` has it: what a builder means that lists the platforms of
 * one image there, without names. Undefined where the entries are something else: several images, or one.
 */
export function wholeIndex(
  manifest: SourceIndex['manifest'],
  descriptors: readonly Descriptor[],
  items: readonly SourceItem[],
): SourceIndex | undefined {
  const platforms = new Set<string>();
  const children: SourceIndex['children'][number][] = [];
  for (const [at, item] of items.entries()) {
    const descriptor = descriptors[at];
    if (descriptor === undefined || item.names.length > 0) return undefined;
    children.push({ descriptor, item });
    if (isAttestation(descriptor)) continue;
    const platform = item.kind === 'image' ? (descriptor.platform ?? item.platform) : undefined;
    const name = platform && formatPlatform(normalizePlatform(platform));
    if (name === undefined || platforms.has(name)) return undefined;
    platforms.add(name);
  }
  return platforms.size > 1 ? { kind: 'index', names: [], manifest, children } : undefined;
}
