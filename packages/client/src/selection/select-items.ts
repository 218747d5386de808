import type { ImageSource, SourceItem } from '@slipway/image-source';
import { matchPlatform, type Platform } from '@slipway/manifest';
import { canonicalName, defaultTag, isTag, parseReference, type Reference, withTag } from '@slipway/reference';
import { ClientError } from '../errors.ts';
import { principalItems } from './principal-items.ts';
import { matchesTag } from './tag-pattern.ts';

/** One item of a source and everywhere it goes. */
export interface Selection {
  readonly item: SourceItem;
  readonly references: readonly Reference[];
}

export interface SelectOneOptions {
  /** Of several items without a name, the one for this platform is meant. @default none is guessed */
  readonly platform?: Platform | undefined;
}

/**
 * The one item of a source, for all destinations: the only one, the only one that is no companion of another, the only
 * one with a name, the one for the platform; or all of a layout as one index, where its entries are platforms of one
 * image.
 *
 * @throws {ClientError} `ERR_CLIENT_NO_ITEM` when there is none, `ERR_CLIENT_SEVERAL_ITEMS` when there are more; the
 * message lists them.
 */
export function selectOne(
  source: ImageSource,
  references: readonly Reference[],
  { platform }: SelectOneOptions = {},
): readonly Selection[] {
  if (source.items.length === 0) throw emptySource(source);
  if (source.whole !== undefined) return [{ item: source.whole, references }];
  const principal = principalItems(source.items);
  const named = principal.filter(({ names }) => names.length > 0);
  const fitting = platform === undefined ? [] : principal.filter((item) => runsOn(item, platform));
  for (const [item, ...others] of [principal, named, fitting]) {
    if (item !== undefined && others.length === 0) return [{ item, references }];
  }
  throw severalItems(source, principal);
}

export interface SelectTagsOptions {
  /** Pushes tags of other repositories too. @default false */
  readonly into?: boolean | undefined;
  /** Only tags that match, see {@link matchesTag}. @default all */
  readonly pattern?: string | undefined;
  /** What stays as it is. @default nothing */
  readonly leaveOut?: ((reference: Reference) => boolean) | undefined;
}

/** What `allTags` means. */
export interface TagSelection {
  readonly selections: readonly Selection[];
  /** Tags that no registry takes, with the image that has them. */
  readonly refused: readonly { readonly tag: string; readonly item: SourceItem }[];
}

/**
 * Every tag of the source that is the destination repository's own: under its very name, or else under its path in
 * another registry, or without any repository, as layouts have them. Tags of other repositories go along only when that
 * is said.
 *
 * @throws {ClientError} `ERR_CLIENT_NO_ITEM` when nothing has a tag that is wanted; `ERR_CLIENT_TAGS` when two images
 * claim one tag, or all tags are those of other repositories.
 */
export function selectAllTags(
  source: ImageSource,
  repositories: readonly Reference[],
  { into = false, pattern, leaveOut = () => false }: SelectTagsOptions = {},
): TagSelection {
  if (source.items.length === 0) throw emptySource(source);
  const tagged = source.items.flatMap((item) => item.names.map((name) => ({ item, ...readName(name) })));
  if (tagged.length === 0) {
    throw new ClientError('ERR_CLIENT_NO_ITEM', `${source.name} names no tags`, { hint: 'push it without `allTags`' });
  }
  const wanted = pattern === undefined ? tagged : tagged.filter(({ name, tag }) => matchesTag(pattern, name, tag));
  if (wanted.length === 0) {
    const there = tagged.slice(0, 10).map(({ tag }) => tag);
    throw new ClientError('ERR_CLIENT_NO_ITEM', `no tag of ${source.name} matches ${JSON.stringify(pattern)}`, {
      hint: `it has ${there.join(', ')}${tagged.length > 10 ? ` and ${tagged.length - 10} more` : ''}`,
    });
  }
  const references = new Map<SourceItem, Reference[]>();
  const refused = new Map<string, SourceItem>();
  for (const repository of repositories) {
    const taken = new Map<string, SourceItem>();
    for (const { item, tag } of into ? wanted : ownTags(wanted, repository, source)) {
      if (taken.has(tag) && taken.get(tag) !== item) {
        throw new ClientError('ERR_CLIENT_TAGS', `two images of ${source.name} have the tag ${tag}`, {
          hint: 'push them one by one, or choose with `tags`',
        });
      }
      if (taken.has(tag)) continue;
      taken.set(tag, item);
      if (!isTag(tag)) refused.set(tag, item);
      else if (!leaveOut(withTag(repository, tag))) {
        references.set(item, [...(references.get(item) ?? []), withTag(repository, tag)]);
      }
    }
  }
  return {
    selections: [...references].map(([item, places]) => ({ item, references: places })),
    refused: [...refused].map(([tag, item]) => ({ tag, item })),
  };
}

interface TaggedItem extends ReadName {
  readonly item: SourceItem;
}

function ownTags(tagged: readonly TaggedItem[], repository: Reference, source: ImageSource): readonly TaggedItem[] {
  const name = canonicalName(repository);
  const same = tagged.filter((one) => one.name === name);
  if (same.length > 0) return same;
  const path = pathOf(name);
  const alike = tagged.filter((one) => one.name === undefined || pathOf(one.name) === path);
  if (alike.length > 0) return alike;
  const others = [...new Set(tagged.map((one) => one.name ?? ''))].map(shortened);
  const listed = others.slice(0, 5).join(', ') + (others.length > 5 ? ` and ${others.length - 5} more` : '');
  const message = `none of the tags of ${source.name} is one of ${shortened(name)}: they belong to ${listed}`;
  throw new ClientError('ERR_CLIENT_TAGS', message, {
    hint: 'push them there all the same with `into`, or some of them with `into` and `tags`',
  });
}

/** The path within the registry; Docker Hub's own images have it short elsewhere. */
function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1).replace(/^library\//, '');
}

function shortened(name: string): string {
  return name.replace(/^docker\.io\/(?:library\/)?/, '');
}

/** What a person calls the item: its first name, or the short digest of its config or manifest. */
export function labelOf(item: SourceItem): string {
  return item.names[0] ?? digestOf(item).replace(/^([^:]+:.{12}).*$/, '$1');
}

function digestOf(item: SourceItem): string {
  return item.manifest?.digest ?? (item.kind === 'image' ? item.config.digest : '');
}

interface ReadName {
  readonly name: string | undefined;
  readonly tag: string;
}

/** A name of an archive is a reference; one of an OCI layout may be a bare tag, or any text. */
function readName(text: string): ReadName {
  if (!/[:/]/.test(text)) return { name: undefined, tag: text };
  try {
    const reference = parseReference(text, { defaultTag: 'latest' });
    return { name: canonicalName(reference), tag: reference.tag ?? defaultTag };
  } catch {
    return { name: undefined, tag: text };
  }
}

function runsOn(item: SourceItem, platform: Platform): boolean {
  if (item.kind === 'image') return item.platform !== undefined && matchPlatform(platform, item.platform);
  if (item.kind === 'artifact') return false;
  return item.children.some(({ descriptor, item: child }) =>
    descriptor.platform === undefined ? runsOn(child, platform) : matchPlatform(platform, descriptor.platform),
  );
}

function emptySource({ name }: ImageSource): ClientError {
  return new ClientError('ERR_CLIENT_NO_ITEM', `${name} holds no image`);
}

const transports: Readonly<Record<ImageSource['kind'], string>> = Object.freeze({
  'docker-archive': 'docker-archive:',
  'oci-layout': 'oci:',
  'oci-archive': 'oci-archive:',
  dir: 'dir:',
  'docker-daemon': 'docker-daemon:',
  registry: 'docker://',
  store: 'store:',
  parts: '', // nobody writes one on a command line
});

function severalItems(source: ImageSource, items: readonly SourceItem[]): ClientError {
  const labels = items.map(labelOf);
  const listed = labels.slice(0, 10).join(', ') + (labels.length > 10 ? ` and ${labels.length - 10} more` : '');
  const [example] = items.filter(({ names }) => names.length > 0);
  const all = example === undefined ? '' : ', or push them all with `allTags`';
  return new ClientError('ERR_CLIENT_SEVERAL_ITEMS', `${source.name} holds ${items.length} images: ${listed}`, {
    hint: `name one, as in ${shellQuoted(selectorOf(source, example ?? items[0]!))}${all}`,
  });
}

/** What a user types to mean this very item. */
function selectorOf({ kind, name, items }: ImageSource, item: SourceItem): string {
  const path = name === 'standard input' ? '-' : name;
  const [called] = item.names;
  const isUnique = items.filter(({ names }) => called !== undefined && names.includes(called)).length === 1;
  if (called !== undefined && isUnique) return `${transports[kind]}${path}:${called}`;
  const selector = kind === 'docker-archive' ? items.indexOf(item) : digestOf(item);
  return `${transports[kind]}${path}:@${selector}`;
}

/** As a shell takes it for one word. */
function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
