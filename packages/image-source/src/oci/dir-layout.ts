import { algorithmOf, type Digest, digestBytes, encodedOf } from '@slipway/digest';
import type { SourceFiles } from '../files/source-files.ts';
import { readMember } from '../files/stored-content.ts';
import type { IncompleteItem, SourceItem } from '../image-source.ts';
import type { ItemSelector } from '../source-text.ts';
import { type BlobPaths, layoutBlobs } from './oci-blobs.ts';
import { findByDigest, notExactlyOne } from './oci-entries.ts';
import { loadEntries, type OciReadOptions } from './oci-layout.ts';
import { blobsMissing } from './oci-loader.ts';

/** Name of the one manifest of a folder as skopeo writes it. */
export const dirManifestName = 'manifest.json';

/** Name of the file that says that a folder is one of skopeo's. */
export const dirMarkerName = 'version';

/**
 * Names of skopeo's `dir:`: blobs by their hex digits, manifests within an index with a suffix, other algorithms in
 * front.
 */
const dirPaths: BlobPaths = { blob: fileNameOf, manifest: (digest) => `${fileNameOf(digest)}.manifest.json` };

/**
 * The image of a folder that `skopeo copy … dir:` or `skopeo sync --dest dir` wrote: one manifest or index, and its
 * blobs.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` for missing blobs, each named; `ERR_SOURCE_INVALID` for the rest.
 * @see https://github.com/containers/image/blob/v5.32.0/docs/containers-transports.5.md
 */
export async function readDirLayout(
  files: SourceFiles,
  options: OciReadOptions & { readonly select?: ItemSelector | undefined },
): Promise<{ readonly items: readonly SourceItem[]; readonly incomplete: readonly IncompleteItem[] }> {
  const { limits, signal, select } = options;
  const bytes = await readMember(files, dirManifestName, limits.maxDocumentBytes, { signal });
  const digest = digestBytes(bytes);
  const manifestPath = (wanted: Digest): string => (wanted === digest ? dirManifestName : dirPaths.manifest(wanted));
  const blobs = layoutBlobs(files, { ...dirPaths, manifest: manifestPath });
  const descriptor = { mediaType: 'application/json', digest, size: bytes.byteLength };
  const entry = { descriptor, names: [], tags: [] };
  const { items, incomplete } = await loadEntries(blobs, [entry], options);
  const chosen = select === undefined ? items : chooseAmong(items, select);
  if (select !== undefined && chosen.length !== 1) throw notExactlyOne(files.name, select, chosen.length, [entry]);
  if (incomplete.length > 0 && options.incomplete !== 'list') throw blobsMissing(files.name, incomplete);
  return { items: chosen, incomplete };
}

/** There is one image, without a name: it is at position 0, and it has a digest. */
function chooseAmong(items: readonly SourceItem[], select: ItemSelector): readonly SourceItem[] {
  if ('digest' in select) return [findByDigest(items, select.digest) ?? []].flat();
  return 'position' in select && select.position === 0 ? items : [];
}

function fileNameOf(digest: Digest): string {
  const algorithm = algorithmOf(digest);
  return algorithm === 'sha256' ? encodedOf(digest) : `${algorithm}-${encodedOf(digest)}`;
}
