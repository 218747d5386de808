import type { AbortOptions } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { manifestOf, objectOf, parseJson, textOf } from './documents.ts';
import { invalidSource, SourceError } from './errors.ts';
import type { SourceItem } from './image-source.ts';
import { layoutReferrers } from './layout-referrers.ts';
import { layoutBlobs } from './oci-blobs.ts';
import { findByDigest, hasTag, mergeEntries, notExactlyOne } from './oci-entries.ts';
import { OciLoader } from './oci-loader.ts';
import type { ResolvedSourceLimits } from './options.ts';
import { isReferrersTag } from './referrers.ts';
import type { SourceFiles } from './source-files.ts';
import type { OciSelector } from './source-text.ts';
import { labelOf, readMember } from './stored-content.ts';

/** Name of the top index of a layout. */
export const ociIndexName = 'index.json';

/** Name of the file that makes a folder a layout. */
export const ociMarkerName = 'oci-layout';

export interface OciLayoutOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Hands out manifests that refer to others with what they refer to. @default false */
  readonly referrers?: boolean | undefined;
  /** @default everything `index.json` lists */
  readonly select?: OciSelector | undefined;
}

/**
 * What an OCI image layout holds, folder or archive: one item per digest in `index.json`, with all of its names.
 * Layers are checked for their size now, for their digest when they are read.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` for a selector that fits none or several, and for missing blobs, each named; `ERR_SOURCE_INVALID` for the rest.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export async function readOciLayout(files: SourceFiles, options: OciLayoutOptions): Promise<readonly SourceItem[]> {
  const { limits, select, signal } = options;
  await assertLayoutVersion(files, options);
  const bytes = await readMember(files, ociIndexName, limits.maxListBytes, { signal });
  const label = labelOf(files, ociIndexName);
  const index = manifestOf(bytes, mediaTypes.ociIndex, limits.maxListBytes, label);
  if (index.kind !== 'oci-index') throw invalidSource(`${label} is no OCI index`);
  const entries = mergeEntries(index.manifests);
  // Only what was asked for is loaded: what else lies in the layout may be incomplete.
  const wanted = select && 'tag' in select ? entries.filter((entry) => hasTag(entry, select.tag)) : entries;
  const atTop =
    select && 'digest' in select ? wanted.filter(({ descriptor }) => descriptor.digest === select.digest) : [];
  const blobs = layoutBlobs(files);
  const findReferrers = options.referrers ? await layoutReferrers(new OciLoader(blobs, options), entries) : undefined;
  const loader = new OciLoader(blobs, { limits, signal, findReferrers });
  const items: SourceItem[] = [];
  for (const { descriptor, names } of atTop.length > 0 ? atTop : wanted) {
    const item = await loader.load(descriptor);
    if (item) items.push({ ...item, names });
  }
  loader.assertComplete();
  if (!select) return options.referrers ? items.filter((item) => !goesWithAnother(item, loader)) : items;
  const found = 'digest' in select ? [findByDigest(items, select.digest) ?? []].flat() : items;
  if (found.length !== 1) throw notExactlyOne(files.name, select, found.length, entries);
  return found;
}

/** What comes along with what it refers to is nothing to choose from. */
function goesWithAnother({ manifest, names }: SourceItem, loader: OciLoader): boolean {
  return (manifest !== undefined && loader.isReferrer(manifest.digest)) || names.some(isReferrersTag);
}

async function assertLayoutVersion(files: SourceFiles, { limits, signal }: OciLayoutOptions): Promise<void> {
  const label = labelOf(files, ociMarkerName);
  const bytes = await readMember(files, ociMarkerName, limits.maxDocumentBytes, { signal });
  const version = textOf(objectOf(parseJson(bytes, label), label), 'imageLayoutVersion');
  if (version?.startsWith('1.')) return;
  throw new SourceError(
    'ERR_SOURCE_UNSUPPORTED',
    `${label} says layout version ${JSON.stringify(version)}, expected 1.x`,
  );
}
