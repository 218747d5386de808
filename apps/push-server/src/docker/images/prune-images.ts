import type { DeleteRecord, ImageStore } from '@slipway/image-store';
import { booleanFilter, type Filters } from './filters.ts';
import { listImages } from './list-images.ts';

/** The filters of `POST /images/prune`. */
export const pruneFilterNames: readonly string[] = ['dangling', 'label', 'until'];

export interface PrunedImages {
  readonly records: readonly DeleteRecord[];
  readonly freedBytes: number;
}

/**
 * Deletes images without a name, or with `dangling=false` all that the filters let through, and what nobody needs any
 * more. What push jobs hold stays until they end.
 *
 * @throws {RequestError} 400 for a filter that cannot be read
 */
export async function pruneImages(store: ImageStore, filters: Filters): Promise<PrunedImages> {
  const onlyDangling = booleanFilter(filters, 'dangling') ?? true;
  const before = (await store.diskUsage()).bytes;
  const chosen = new Map([...filters, ['dangling', onlyDangling ? ['true'] : []]] as const);
  if (!onlyDangling) chosen.delete('dangling');
  const records: DeleteRecord[] = [];
  for (const { id, tags } of await listImages(store, chosen)) {
    // By name first, as docker does: so it tells each name that goes.
    for (const tag of tags.slice(0, -1)) records.push(...(await store.delete(tag)));
    records.push(...(await store.delete(tags.at(-1) ?? id, { force: true })));
  }
  await store.collectGarbage({ graceMs: 0 });
  return { records, freedBytes: Math.max(0, before - (await store.diskUsage()).bytes) };
}
