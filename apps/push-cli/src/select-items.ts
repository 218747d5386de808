import type { ImageSource, SourceItem } from '@slipway/image-source';
import { canonicalName, parseReference, type Reference, withTag } from '@slipway/reference';
import { CliError, usageError } from './errors.ts';

/** One item of a source and everywhere it goes. */
export interface Selection {
  readonly item: SourceItem;
  readonly references: readonly Reference[];
}

/**
 * The one item of a source, for all destinations.
 *
 * @throws {CliError} `ERR_CLI_NO_ITEM` when there is none, `ERR_CLI_SEVERAL_ITEMS` when there are more; the message lists them.
 */
export function selectOne(source: ImageSource, references: readonly Reference[]): readonly Selection[] {
  const [item, ...others] = source.items;
  if (item === undefined) throw emptySource(source);
  if (others.length > 0) throw severalItems(source);
  return [{ item, references }];
}

/**
 * Every tag of the source, for every destination repository: those of that very repository if there are any, else all.
 *
 * @throws {CliError} `ERR_CLI_NO_ITEM` when nothing has a tag; `ERR_CLI_USAGE` when two images claim one tag.
 */
export function selectAllTags(source: ImageSource, repositories: readonly Reference[]): readonly Selection[] {
  if (source.items.length === 0) throw emptySource(source);
  const tagged = source.items.flatMap((item) => item.names.map((name) => ({ item, ...readName(name) })));
  if (tagged.length === 0) {
    throw new CliError('ERR_CLI_NO_ITEM', `${source.name} names no tags`, { hint: 'push it without --all-tags' });
  }
  const references = new Map<SourceItem, Reference[]>();
  for (const repository of repositories) {
    const own = tagged.filter(({ name }) => name === canonicalName(repository));
    const taken = new Map<string, SourceItem>();
    for (const { item, tag } of own.length > 0 ? own : tagged) {
      if (taken.has(tag) && taken.get(tag) !== item) {
        throw usageError(`two images of ${source.name} have the tag ${tag}`, 'push them one by one');
      }
      if (taken.has(tag)) continue;
      taken.set(tag, item);
      references.set(item, [...(references.get(item) ?? []), withTag(repository, tag)]);
    }
  }
  return [...references].map(([item, wanted]) => ({ item, references: wanted }));
}

/** What a person calls the item: its first name, or the short digest of its config or manifest. */
export function labelOf(item: SourceItem): string {
  const digest = item.kind === 'image' ? item.config.digest : item.manifest.digest;
  return item.names[0] ?? digest.replace(/^([^:]+:.{12}).*$/, '$1');
}

/** A name of an archive is a reference; one of an OCI layout may be a bare tag. */
function readName(text: string): { readonly name: string | undefined; readonly tag: string } {
  if (!/[:/]/.test(text)) return { name: undefined, tag: text };
  const reference = parseReference(text, { defaultTag: 'latest' });
  return { name: canonicalName(reference), tag: reference.tag ?? 'latest' };
}

function emptySource({ name }: ImageSource): CliError {
  return new CliError('ERR_CLI_NO_ITEM', `${name} holds no image`, { hint: 'look at it with `slipway inspect`' });
}

const transports: Readonly<Record<ImageSource['kind'], string>> = Object.freeze({
  'docker-archive': 'docker-archive:',
  'oci-layout': 'oci:',
  'oci-archive': 'oci-archive:',
  dir: 'dir:',
  'docker-daemon': 'docker-daemon:',
  registry: 'docker://',
  store: 'store:',
});

function severalItems({ name, kind, items }: ImageSource): CliError {
  const labels = items.map(labelOf);
  const listed = labels.slice(0, 10).join(', ') + (labels.length > 10 ? ` and ${labels.length - 10} more` : '');
  const example = items.flatMap(({ names }) => names)[0];
  const hint =
    example === undefined
      ? 'none of them has a name: push them from an archive of their own'
      : `name one, as in ${transports[kind]}${name}:${example}, or push them all with --all-tags`;
  return new CliError('ERR_CLI_SEVERAL_ITEMS', `${name} holds ${items.length} images: ${listed}`, { hint });
}
