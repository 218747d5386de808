import { type AbortOptions, type Digest, digestBytes } from '@slipway/digest';
import {
  type Descriptor,
  type InvalidManifestError,
  isIndexMediaType,
  matchPlatform,
  mediaTypes,
  type OciIndex,
  type Platform,
  rereadManifest,
} from '@slipway/manifest';
import { digestsWithoutSize, manifestOf, objectOf, parseJson, textOf } from '../documents.ts';
import { invalidSource, SourceError } from '../errors.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { labelOf, readMember } from '../files/stored-content.ts';
import type { IncompleteItem, SourceIndex, SourceItem, SourceNotice } from '../image-source.ts';
import type { ResolvedSourceLimits } from '../options.ts';
import { isReferrersTag } from '../referrers.ts';
import type { ItemSelector } from '../source-text.ts';
import { layoutReferrers } from './layout-referrers.ts';
import { layoutBlobs, type OciBlobs } from './oci-blobs.ts';
import { entriesCalled, findByDigest, mergeEntries, notExactlyOne, type OciEntry } from './oci-entries.ts';
import { blobsMissing, isEntryDocument, OciLoader, type OciLoaderOptions } from './oci-loader.ts';
import { wholeIndex } from './whole-index.ts';

/** Name of the top index of a layout. */
export const ociIndexName = 'index.json';

/** Name of the file that makes a folder a layout. */
export const ociMarkerName = 'oci-layout';

/** How images that lie as OCI descriptors are read, whatever they lie in. */
export interface OciReadOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Hands out manifests that refer to others with what they refer to. @default false */
  readonly referrers?: boolean | undefined;
  /** @default all platforms */
  readonly platform?: Platform | undefined;
  /** @default 'refuse' */
  readonly incomplete?: 'refuse' | 'list' | undefined;
  /** @default 'refuse' */
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  readonly onNotice?: ((notice: SourceNotice) => void) | undefined;
}

export interface OciLayoutOptions extends OciReadOptions {
  /** @default everything `index.json` lists */
  readonly select?: ItemSelector | undefined;
}

/** What a layout holds. */
export interface OciContent {
  readonly items: readonly SourceItem[];
  readonly incomplete: readonly IncompleteItem[];
  readonly whole: SourceIndex | undefined;
}

/**
 * What an OCI image layout holds, folder or archive: one item per digest in `index.json`, with all of its names.
 * Entries that cannot be read, or are no manifests, are told and passed over, unless they are what was asked for.
 * Layers are checked for their size now, for their digest by whoever reads them.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` for a selector that fits none or several, and for missing blobs, each
 * named; `ERR_SOURCE_INVALID` for the rest.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 */
export async function readOciLayout(files: SourceFiles, options: OciLayoutOptions): Promise<OciContent> {
  const { limits, select, signal, onNotice = () => {} } = options;
  await lookAtMarker(files, options);
  const bytes = await readMember(files, ociIndexName, limits.maxListBytes, { signal });
  const blobs = layoutBlobs(files);
  const { index, problems } = await readIndex(files, bytes, blobs, options);
  const [first] = problems;
  if (first !== undefined && index.manifests.length === 0) throw first;
  for (const { message } of problems) {
    onNotice({ code: 'entry-unreadable', message: `${message}; the entry is passed over` });
  }
  const entries = mergeEntries(index.manifests);
  const wanted = choose(entries, index.manifests, select);
  const documents = wanted.filter(({ descriptor }) => isEntryDocument(descriptor));
  // Whoever asks for one thing hears why it cannot be had; of many, what is no image is none to choose from.
  const toLoad = documents.length > 0 || wanted.length === 0 ? documents : wanted;
  for (const { descriptor } of wanted.filter((entry) => !toLoad.includes(entry))) {
    const { mediaType, digest } = descriptor;
    const message =
      `${labelOf(files, ociIndexName)}: ${digest} of type ${JSON.stringify(mediaType)} is no image, and is ` +
      'passed over';
    onNotice({ code: 'entry-not-image', message });
  }
  const findReferrers = options.referrers ? await layoutReferrers(new OciLoader(blobs, options), entries) : undefined;
  const read = await loadEntries(blobs, toLoad, { ...options, findReferrers });
  const { loader, items, incomplete } = read;
  if (select !== undefined && 'digest' in select) {
    const item = await findWhole(read, select.digest, files.name);
    if (item === undefined) throw notExactlyOne(files.name, select, 0, entries);
    return { items: [item], incomplete: [], whole: undefined };
  }
  if (incomplete.length > 0 && options.incomplete !== 'list') throw blobsMissing(files.name, incomplete);
  if (select !== undefined) {
    const count = items.length + incomplete.length;
    if (count !== 1) throw notExactlyOne(files.name, select, count, entries);
    return { items, incomplete, whole: undefined };
  }
  const own = options.referrers ? items.filter((item) => !goesWithAnother(item, loader)) : items;
  const manifest = { mediaType: mediaTypes.ociIndex, digest: digestBytes(bytes), bytes };
  const isEverything = problems.length === 0 && incomplete.length === 0 && items.length === index.manifests.length;
  return { items: own, incomplete, whole: isEverything ? wholeIndex(manifest, index.manifests, items) : undefined };
}

/**
 * The item with a digest, at the top or deep within. What is missing elsewhere does not matter, what is missing in it
 * does.
 */
async function findWhole(read: LoadedEntries, digest: string, name: string): Promise<SourceItem | undefined> {
  const { items, incomplete, loader } = read;
  const missed = incomplete.find((entry) => entry.digest === digest);
  if (missed !== undefined) throw blobsMissing(name, [missed]);
  const whole = findByDigest(items, digest);
  if (whole !== undefined) return whole;
  const partial = incomplete.flatMap(({ item }) => item ?? []);
  const found = findByDigest(partial, digest);
  if (found?.manifest === undefined) return undefined;
  const { mediaType, digest: own, bytes } = found.manifest;
  return await loader.loadWhole({ mediaType, digest: own, size: bytes.byteLength });
}

/** The entries that a selector means: all without one, and for a digest within, all that may hold it. */
function choose(
  entries: readonly OciEntry[],
  descriptors: readonly Descriptor[],
  select: ItemSelector | undefined,
): readonly OciEntry[] {
  if (select === undefined) return entries;
  if ('reference' in select) return entriesCalled(entries, select.reference);
  const digest = 'digest' in select ? select.digest : descriptors[select.position]?.digest;
  const atTop = entries.filter(({ descriptor }) => descriptor.digest === digest);
  return atTop.length > 0 || 'position' in select
    ? atTop
    : entries.filter(({ descriptor }) => isEntryDocument(descriptor));
}

/** Entries that were loaded, those that are whole apart from the others. */
export interface LoadedEntries {
  readonly loader: OciLoader;
  readonly items: readonly SourceItem[];
  readonly incomplete: readonly IncompleteItem[];
}

/** Loads descriptors, and tells apart what is whole. */
export async function loadEntries(
  blobs: OciBlobs,
  entries: readonly OciEntry[],
  options: OciReadOptions & Pick<OciLoaderOptions, 'findReferrers'>,
): Promise<LoadedEntries> {
  const { platform, limits, signal, findReferrers, unpaired, onNotice } = options;
  const loading = { limits, signal, findReferrers, unpaired, onNotice };
  const loader = new OciLoader(blobs, { ...loading, isWanted: platform && ((wanted) => mayRunOn(wanted, platform)) });
  const unfiltered = platform && new OciLoader(blobs, loading);
  const items: SourceItem[] = [];
  const incomplete: IncompleteItem[] = [];
  for (const { descriptor, names } of entries) {
    const chosen = await loader.load(descriptor);
    // Whoever asks for a platform that is not there wants to hear which ones are.
    const isBare = unfiltered && chosen.item && chosen.missing.length === 0 && isBarren(chosen.item);
    const { item, missing, platforms } = isBare === true ? await unfiltered!.load(descriptor) : chosen;
    if (item !== undefined && (missing.length === 0 || isBare === true)) items.push({ ...item, names });
    else incomplete.push({ names, digest: descriptor.digest, missing, platforms, item: item && { ...item, names } });
  }
  return { loader, items, incomplete };
}

/** Whether an entry of an index may be for a platform, as far as the index says. */
function mayRunOn({ platform: own, mediaType }: Descriptor, wanted: Platform): boolean {
  return isIndexMediaType(mediaType) || own === undefined || matchPlatform(wanted, own);
}

function isBarren(item: SourceItem): boolean {
  return item.kind === 'index' && item.children.every((child) => isBarren(child.item));
}

/** `index.json`, without the entries that make no sense. */
async function readIndex(
  files: SourceFiles,
  bytes: Uint8Array,
  blobs: OciBlobs,
  { limits }: OciReadOptions,
): Promise<{ readonly index: OciIndex; readonly problems: readonly SourceError[] }> {
  const label = labelOf(files, ociIndexName);
  const sizes = new Map<Digest, number>();
  for (const digest of digestsWithoutSize(bytes)) {
    const size = await blobs.sizeOf(digest);
    if (size !== undefined) sizes.set(digest, size);
  }
  const problems: SourceError[] = [];
  const onBadEntry = (cause: InvalidManifestError): void => {
    problems.push(invalidSource(`${label}: ${cause.message}`, { cause }));
  };
  const options = { maxSize: limits.maxListBytes, sizeOf: (digest: Digest) => sizes.get(digest), onBadEntry };
  const index = manifestOf(bytes, mediaTypes.ociIndex, options, label);
  if (index.kind !== 'oci-index') throw invalidSource(`${label} is no OCI index`);
  return { index, problems };
}

/** What comes along with what it refers to is nothing to choose from, unless it has that within itself. */
function goesWithAnother(item: SourceItem, loader: OciLoader): boolean {
  const { manifest, names } = item;
  if (names.some(isReferrersTag)) return true;
  if (manifest === undefined || !loader.isReferrer(manifest.digest)) return false;
  const document = rereadManifest(manifest);
  const subject = 'subject' in document ? document.subject?.digest : undefined;
  return subject === undefined || findByDigest([item], subject) === undefined;
}

/**
 * The file that says that a folder is a layout says its version. Whether the content can be read, `index.json` and the
 * blobs show: what is odd about this file is told.
 */
async function lookAtMarker(files: SourceFiles, { limits, signal, onNotice }: OciLayoutOptions): Promise<void> {
  if (onNotice === undefined || !(await files.find(ociMarkerName))) return;
  const label = labelOf(files, ociMarkerName);
  const tell = (problem: string): void =>
    onNotice({ code: 'layout-version', message: `${problem}; it is read as version 1` });
  try {
    const bytes = await readMember(files, ociMarkerName, limits.maxDocumentBytes, { signal });
    const version = textOf(objectOf(parseJson(bytes, label), label), 'imageLayoutVersion');
    if (version?.startsWith('1.')) return;
    const said = version === undefined ? 'no layout version' : `layout version ${JSON.stringify(version)}`;
    tell(`${label} says ${said}`);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    tell(error.message);
  }
}
