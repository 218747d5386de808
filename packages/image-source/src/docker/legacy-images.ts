import type { Reference } from '@slipway/reference';

/** An image of an archive of before Docker 1.10, before it is read. */
export interface LegacyImage {
  readonly id: string;
  readonly references: readonly Reference[];
}

/** The images that are nobody's parent, in the order given. */
export function legacyHeads(
  links: readonly { readonly id: string; readonly parent: string | undefined }[],
): readonly LegacyImage[] {
  const parents = new Set(links.map(({ parent }) => parent));
  return links.filter(({ id }) => !parents.has(id)).map(({ id }) => ({ id, references: [] }));
}
