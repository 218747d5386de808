import type { SourceItem } from '@slipway/image-source';

/** Bytes of all blobs that a load of these items may write, each blob once. */
export function bytesOf(items: readonly SourceItem[]): number {
  return [...sizesOf(items).values()].reduce((total, size) => total + size, 0);
}

function sizesOf(items: readonly SourceItem[], sizes: Map<unknown, number> = new Map()): ReadonlyMap<unknown, number> {
  for (const item of items) {
    if (item.manifest) sizes.set(item.manifest.digest, item.manifest.bytes.byteLength);
    if (item.kind === 'image') {
      sizes.set(item.config.digest, item.config.bytes.byteLength);
      for (const { content } of item.layers) if (content) sizes.set(content, content.size);
    } else if (item.kind === 'artifact') {
      for (const { content } of item.blobs) sizes.set(content, content.size);
    } else {
      sizesOf(
        item.children.map((child) => child.item),
        sizes,
      );
    }
  }
  return sizes;
}
