import { type ArtifactRecipe, type ImageRecipe, type ImageSource, sourceDateEpoch } from '@slipway/image-source';
import { parseSubject } from '../artifacts/subjects.ts';
import { optionError } from '../errors.ts';
import { openSourceText } from '../sources/open-source.ts';
import type { PushParts } from './push-parts.ts';

/** The base is any source that this client can open, a subject any manifest of a registry. */
export async function openRecipe(
  recipe: ImageRecipe | ArtifactRecipe,
  signal: AbortSignal,
  { sources, subjects, environment }: PushParts,
): Promise<ImageSource> {
  const { onSpool } = sources;
  const opened: ImageSource | undefined = await recipe.open({
    openBase: (text, { platform, signal: opening = signal }) =>
      openSourceText(text, { platform, signal: opening }, sources),
    resolveSubject: (text, options) => subjects.resolve(parseSubject(text), options),
    time: sourceDateEpoch(environment.variables),
    spoolFolder: environment.temporaryFolder,
    onSpool,
    signal,
  });
  const { items, [Symbol.asyncDispose]: dispose } = (opened ?? {}) as Partial<ImageSource>;
  if (opened !== undefined && Array.isArray(items) && typeof dispose === 'function') return opened;
  if (typeof dispose === 'function') await dispose.call(opened);
  throw optionError(
    'Expected `source` to open as an image or an artifact, and it does not',
    'a layer goes into an image: `imageFrom({ layers: [layerFrom(…)] })`',
  );
}
