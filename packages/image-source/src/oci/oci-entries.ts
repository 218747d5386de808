import type { Digest } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import { familiarString, parseReference } from '@slipway/reference';
import { SourceError } from '../errors.ts';
import type { SourceItem } from '../image-source.ts';
import type { ItemSelector } from '../source-text.ts';

/** One digest of a layout's `index.json`. */
export interface OciEntry {
  readonly descriptor: Descriptor;
  /** What its image is called, oldest first. A bare tag stays one: `v1`. */
  readonly names: readonly string[];
  /** Every text by which a user may ask for it. */
  readonly tags: readonly string[];
}

/** A layout lists an image once per tag; here that is one entry with several names. */
export function mergeEntries(descriptors: readonly Descriptor[]): readonly OciEntry[] {
  const merged = new Map<Digest, OciEntry>();
  for (const descriptor of descriptors) {
    const before = merged.get(descriptor.digest) ?? { descriptor, names: [], tags: [] };
    const { names, tags } = namesOf(descriptor);
    merged.set(descriptor.digest, {
      descriptor: before.descriptor,
      names: [...new Set([...before.names, ...names])],
      tags: [...new Set([...before.tags, ...tags])],
    });
  }
  return [...merged.values()];
}

/**
 * The entries that a user may mean: those that are called so, by bare tag or by reference, long or short; where none
 * is, those whose full reference has that tag.
 */
export function entriesCalled(entries: readonly OciEntry[], text: string): readonly OciEntry[] {
  const familiar = familiarOf(text);
  const called = entries.filter(({ tags }) => tags.includes(text) || tags.includes(familiar));
  return called.length > 0 ? called : entries.filter(({ names }) => names.some((name) => tagOf(name) === text));
}

/** The item with this digest, at the top or within an index: of its manifest, or the ID of an image. */
export function findByDigest(items: readonly SourceItem[], digest: string): SourceItem | undefined {
  for (const item of items) {
    if (item.manifest?.digest === digest) return item;
    if (item.kind === 'image' && item.config.digest === digest) return item;
    const children = item.kind === 'index' ? item.children.map((child) => child.item) : [];
    const found = findByDigest(children, digest);
    if (found) return found;
  }
  return undefined;
}

/** The refusal of a selector that fits none, or several. */
export function notExactlyOne(
  name: string,
  select: ItemSelector,
  count: number,
  entries: readonly OciEntry[],
): SourceError {
  const wanted = describeSelector(select);
  const message =
    count > 1
      ? `${count} images are called ${wanted} in ${JSON.stringify(name)}`
      : `No image ${wanted} in ${JSON.stringify(name)}`;
  const listed = entries.slice(0, 50).map(({ names, descriptor }) => [...names, `@${descriptor.digest}`].join(' '));
  return new SourceError('ERR_SOURCE_NOT_FOUND', message, {
    hint: `${count > 1 ? 'Ask for one by its digest. ' : ''}It holds: ${listed.join(', ') || 'nothing'}`,
  });
}

/** How a message names what was asked for. */
export function describeSelector(select: ItemSelector): string {
  if ('position' in select) return `at position ${select.position}`;
  return JSON.stringify('digest' in select ? select.digest : select.reference);
}

/** containerd writes the full reference beside the bare tag. It says more, so it alone becomes the name. */
function namesOf({ annotations = {} }: Descriptor): Pick<OciEntry, 'names' | 'tags'> {
  const tag = annotations['org.opencontainers.image.ref.name'] ?? '';
  const full = annotations['io.containerd.image.name'] ?? '';
  const familiar = familiarOf(full || tag);
  return {
    names: [familiar].filter((name) => name !== ''),
    tags: [tag, full, familiar].filter((name) => name !== ''),
  };
}

/** The tag of a full reference; undefined for what is called otherwise. */
function tagOf(name: string): string | undefined {
  if (!/[:@/]/.test(name)) return undefined;
  try {
    return parseReference(name).tag;
  } catch {
    return undefined;
  }
}

/**
 * Short form of a full reference. A layout may call its images what it likes, so what is no full reference stays as it
 * is.
 */
function familiarOf(text: string): string {
  if (!/[:@/]/.test(text)) return text;
  try {
    return familiarString(parseReference(text));
  } catch {
    return text;
  }
}
