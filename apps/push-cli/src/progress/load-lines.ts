import { formatByteSize } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { shortDigest } from '@slipway/digest';
import type { LoadedImage, LoadProgress } from '@slipway/image-store';
import { familiarString, type Reference } from '@slipway/reference';

/** What to tell while an image is loaded; undefined for what is no news. */
export function loadLine(progress: LoadProgress): string | undefined {
  const { type, diffID, total } = progress;
  if (type === 'layer:exists') return `${shortDigest(diffID)}: Layer already exists`;
  return progress.current === total ? `${shortDigest(diffID)}: Loaded ${formatByteSize(total)}` : undefined;
}

/** What to tell of a name that now means another image. */
export function replacedLines({ replaced }: LoadedImage): readonly string[] {
  return replaced.map(
    ({ tag, id }) => `The image ${printable(tag)} already exists, renaming the old one with ID ${id} to empty string`,
  );
}

/** The result, in docker's words: the image's names, or its ID when it has none. */
export function loadedLines({ id, tags }: LoadedImage, names: readonly Reference[]): readonly string[] {
  const all = [...new Set([...tags, ...names.map(familiarString)])];
  return all.length > 0 ? all.map((name) => `Loaded image: ${printable(name)}`) : [`Loaded image ID: ${id}`];
}
