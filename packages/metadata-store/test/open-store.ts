import { openMetadataStore } from '../src/book/book-store.ts';
import { openFileMetadataStore } from '../src/files/file-store.ts';
import type { MetadataStore } from '../src/metadata-store.ts';

/** Small files as Docker has them, or a book. */
export type StoreKind = 'files' | 'book';

/** Opens a store in which a process of a test has all the time it needs, and whose failures fail the test. */
export async function openStore(kind: string, folder: string): Promise<MetadataStore> {
  const options = { folder, lockTimeoutMs: 60_000 };
  if (kind === 'files') return await openFileMetadataStore(options);
  return await openMetadataStore({
    ...options,
    timeoutMs: 120_000,
    onWarning(warning) {
      throw warning;
    },
  });
}
