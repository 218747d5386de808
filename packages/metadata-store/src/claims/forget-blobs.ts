import { assertArgument, aText, listOf, withMethods } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import type { MetadataStore } from '../metadata-store.ts';

const aStore = withMethods('a metadata store', 'diffIDOf', 'layerRecords', 'removeLayerRecord', 'removeClaim');

/**
 * Forgets that a repository has these blobs, and what its manifests said of them: after they were deleted there, or are
 * about to be cleared away. What is proven of their content stays.
 *
 * @param repository canonical name with its domain: `docker.io/library/busybox`
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export async function forgetBlobs(store: MetadataStore, repository: string, digests: readonly Digest[]): Promise<void> {
  assertArgument('store', store, aStore);
  assertArgument('repository', repository, aText);
  assertArgument('digests', digests, listOf(aText));
  for (const digest of digests) {
    const diffID = await store.diffIDOf(digest);
    // Blobs that are no layers, and layers of other forms, are recorded under their own digest.
    for (const key of new Set(diffID === undefined ? [digest] : [diffID, digest])) {
      for (const record of await store.layerRecords(key)) {
        if (record.digest === digest && record.sourceRepository === repository) await store.removeLayerRecord(record);
      }
      await store.removeClaim(repository, key, digest);
    }
  }
}
