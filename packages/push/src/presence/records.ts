import type { LayerRecord } from '@slipway/metadata-store';
import { distinctBlobs } from '../plan/blob-to-push.ts';
import type { ImagePlan } from '../plan/plan-types.ts';
import type { BlobMemory } from './memory.ts';

/** What is recorded of blobs whose bytes are not given, by key. */
export type RecordsByKey = ReadonlyMap<string, readonly LayerRecord[]>;

/** Looks up what is recorded of an image's blobs. Never rejects. */
export async function recordsOf(plan: ImagePlan, memory: BlobMemory): Promise<RecordsByKey> {
  const records = new Map<string, readonly LayerRecord[]>();
  for (const blob of distinctBlobs([...plan.layers, plan.config])) {
    if (blob.fixed === undefined) records.set(blob.key, await memory.records(blob));
  }
  return records;
}
