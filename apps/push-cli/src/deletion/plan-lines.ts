import { formatByteSize } from '@slipway/client/options';
import { isIndexMediaType } from '@slipway/manifest';
import { canonicalName, type Reference } from '@slipway/reference';
import type { DeletionPlan } from '@slipway/registry-client';

/** Names that a line shows at most: a digest may have hundreds of tags. */
const mostNames = 20;

/** What a deletion would do, in lines for people. A run that asks for it tells itself what is refused. */
export function planLines(
  name: string,
  plan: DeletionPlan,
  { dryRun = false }: { readonly dryRun?: boolean | undefined } = {},
): readonly string[] {
  const { kind, manifest, tags, otherTags, parents, children, referrers, companionTags, isComplete } = plan;
  const what = isIndexMediaType(manifest.mediaType) ? 'index' : 'manifest';
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['deletes', kind === 'tag' ? `the tag ${tags[0]}` : `the ${what} ${withTags(tags)}`],
    ['keeps', kind === 'tag' ? `the ${what}, ${knownAs(otherTags)}` : undefined],
    ['unknown', kind === 'tag' && dryRun ? 'whether the registry deletes a tag alone: some keep it' : undefined],
    ['breaks', parents.length === 0 ? undefined : list(parents.map((parent) => `the index ${parent.tags.join(', ')}`))],
    ['keeps', children.length === 0 ? undefined : `${children.length} manifests that it names`],
    [
      'orphans',
      referrers.length === 0
        ? undefined
        : list(referrers.map(({ artifactType, mediaType, digest }) => `${artifactType ?? mediaType} ${digest}`)),
    ],
    ['keeps', companionTags.length === 0 ? undefined : `tags named after it: ${list(companionTags)}`],
    ['unknown', isComplete ? undefined : 'not all tags were looked at: others may name it (--max-tags)'],
  ];
  return [
    `${name} is ${manifest.digest} (${manifest.mediaType}, ${formatByteSize(manifest.size)})`,
    ...rows.flatMap(([label, text]) => (text === undefined ? [] : [`  ${label.padEnd(8)} ${text}`])),
  ];
}

/** What goes with a plan, as the lines of standard output: a tag as `…:TAG`, a manifest as `…@DIGEST`. */
export function goneLines(
  reference: Reference,
  { tags, manifest }: { readonly tags: readonly string[]; readonly manifest: string | undefined },
): readonly string[] {
  const name = canonicalName(reference);
  return [...tags.map((tag) => `${name}:${tag}`), ...(manifest === undefined ? [] : [`${name}@${manifest}`])];
}

function withTags(tags: readonly string[]): string {
  if (tags.length === 0) return 'which no tag names';
  return `with ${tags.length === 1 ? 'its tag' : `its ${tags.length} tags`} ${list(tags)}`;
}

function knownAs(tags: readonly string[]): string {
  return tags.length === 0 ? 'which no other tag names' : `also known as ${list(tags)}`;
}

function list(names: readonly string[]): string {
  const more = names.length - mostNames;
  return more > 0 ? `${names.slice(0, mostNames).join(', ')} and ${more} more` : names.join(', ');
}
