import type { Digest } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import { familiarString, parseReference, type Reference, withDefaultTag } from '@slipway/reference';
import type { LoadedImage } from '../image-store.ts';
import type { StoredManifest, StoreState } from '../layout/store-state.ts';

/** Takes what a load has brought into the state, with the names the source gives it. */
export function takeItem(state: StoreState, { kind, names }: SourceItem, stored: StoredManifest): LoadedImage {
  const { id, descriptor } = stored;
  state.add(stored);
  const tags: string[] = [];
  const replaced: { tag: string; id: Digest }[] = [];
  for (const reference of names.map(tagOf)) {
    if (!reference) continue;
    const tag = familiarString(reference);
    const before = state.tag(reference, descriptor.digest, new Date().toISOString());
    tags.push(tag);
    if (before !== undefined && before !== id) replaced.push({ tag, id: before });
  }
  return { id, kind, tags, replaced };
}

/** A layout may call its images what it likes: a bare `v1` is no name of an image here. */
function tagOf(name: string): Reference | undefined {
  if (!/[:/]/.test(name)) return undefined;
  try {
    const reference = parseReference(name);
    return reference.digest === undefined ? withDefaultTag(reference) : undefined;
  } catch {
    return undefined;
  }
}
