import { type Digest, digestBytes } from '@slipway/digest';
import { type IndexEntry, subjectIn } from './index-assembly.ts';
import type { ChildOrder, ItemPlan, Manifest, PlanContext } from './plan-types.ts';

/**
 * Entries of an index may be about each other (`oci-artifact=true` of BuildKit). Where a conversion changes one, those
 * that are about it follow its new digest. What is about something else that changes stays as it was, and is told.
 */
export function orderChildren(
  entries: readonly IndexEntry[],
  plans: readonly ItemPlan[],
  { warn }: Pick<PlanContext, 'warn'>,
): ChildOrder {
  const about = entries.map(({ item }) => subjectIn(item.manifest));
  const subjects = new Map<number, number>();
  const changes = new Set(plans.flatMap(({ verbatim }, at) => (verbatim === undefined ? at : [])));
  // A digest cannot name itself, so this ends: each round finds what is about the finds of the round before.
  for (let found = -1; found !== subjects.size; ) {
    found = subjects.size;
    for (const [at, subject] of about.entries()) {
      // Of an image in several forms, the first is what the others are about.
      const place = entries.findIndex(({ descriptor }) => descriptor.digest === subject);
      if (place >= 0 && changes.has(place)) subjects.set(at, place);
    }
    for (const at of subjects.keys()) changes.add(at);
  }
  const elsewhere = new Set(plans.flatMap((plan, at) => changedWithin(plan, entries[at]?.item)));
  const stale = about.filter((subject, at) => subject !== undefined && !subjects.has(at) && elsewhere.has(subject));
  if (stale.length > 0) {
    const message = `${stale.length} entries are about manifests of an index within, as those were before`;
    warn({ code: 'subjects-stale', message });
  }
  return {
    waves: wavesOf(plans.length, subjects),
    follow: (at, manifest, made) => {
      const subject = made.get(subjects.get(at) ?? -1);
      return subject === undefined ? manifest : withSubject(manifest, subject);
    },
  };
}

/** Digests of the source that a conversion changes, within an index that is an entry itself. */
function changedWithin(plan: ItemPlan, item: IndexEntry['item'] | undefined): readonly Digest[] {
  if (plan.kind !== 'index' || item?.kind !== 'index') return [];
  return plan.children.flatMap((child, at) => {
    const entry = item.children[at];
    if (entry === undefined) return [];
    return [...(child.verbatim === undefined ? [entry.descriptor.digest] : []), ...changedWithin(child, entry.item)];
  });
}

function wavesOf(count: number, subjects: ReadonlyMap<number, number>): readonly (readonly number[])[] {
  const depthOf = (at: number): number => {
    const subject = subjects.get(at);
    return subject === undefined ? 0 : 1 + depthOf(subject);
  };
  const depths = Array.from({ length: count }, (_, at) => depthOf(at));
  const deepest = Math.max(-1, ...depths);
  return Array.from({ length: deepest + 1 }, (_, depth) => depths.flatMap((own, at) => (own === depth ? at : [])));
}

/** The manifest about another one, every other member as it was. */
export function withSubject(manifest: Manifest, subject: Manifest): Manifest {
  const text = new TextDecoder().decode(manifest.bytes);
  const document = JSON.parse(text) as { readonly subject?: object };
  const { mediaType, digest } = subject;
  const named = { ...document.subject, mediaType, digest, size: subject.bytes.byteLength };
  const [, indent] = /^\{\r?\n(\s+)/.exec(text) ?? [];
  const bytes = new TextEncoder().encode(JSON.stringify({ ...document, subject: named }, undefined, indent));
  return { mediaType: manifest.mediaType, digest: digestBytes(bytes), bytes };
}
