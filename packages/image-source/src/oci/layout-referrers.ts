import { type Digest, isDigest } from '@slipway/digest';
import { cosignTags, type FindReferrers, type FoundReferrer, isReferrersTag } from '../referrers.ts';
import type { OciEntry } from './oci-entries.ts';
import type { OciLoader } from './oci-loader.ts';

/**
 * Finds referrers among the entries of a layout: those with a `subject`, those that an index under the fallback tag
 * lists, and those with a tag of cosign's.
 */
export async function layoutReferrers(loader: OciLoader, entries: readonly OciEntry[]): Promise<FindReferrers> {
  const bySubject = new Map<Digest, FoundReferrer[]>();
  const byTag = new Map<string, OciEntry>();
  const add = (subject: Digest, referrer: FoundReferrer): void => {
    const known = bySubject.get(subject) ?? [];
    if (!known.some(({ descriptor }) => descriptor.digest === referrer.descriptor.digest)) known.push(referrer);
    bySubject.set(subject, known);
  };
  for (const entry of entries) {
    for (const tag of entry.tags) byTag.set(tag, entry);
    const document = await loader.documentOf(entry.descriptor);
    if (document === undefined) continue;
    if ('subject' in document && document.subject) {
      add(document.subject.digest, { descriptor: entry.descriptor, tag: undefined });
    }
    // An index under the fallback tag of a digest lists what refers to that digest.
    const listed = entry.tags.filter(isReferrersTag);
    for (const descriptor of document.kind === 'oci-index' ? document.manifests : []) {
      for (const tag of listed) {
        const subject = tag.replace('-', ':');
        if (isDigest(subject)) add(subject, { descriptor, tag: undefined });
      }
    }
  }
  return async (digest) => {
    const tagged = cosignTags(digest).flatMap((tag): FoundReferrer[] => {
      const entry = byTag.get(tag);
      return entry === undefined ? [] : [{ descriptor: entry.descriptor, tag }];
    });
    return [...(bySubject.get(digest) ?? []), ...tagged];
  };
}
