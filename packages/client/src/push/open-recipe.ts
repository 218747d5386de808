import { type ArtifactRecipe, type ImageRecipe, type ImageSource, sourceDateEpoch } from '@slipway/image-source';
import { parseSubject } from '../artifacts/subjects.ts';
import { openSourceText } from '../sources/open-source.ts';
import type { PushParts } from './push-parts.ts';

/** The base is any source that this client can open, a subject any manifest of a registry. */
export async function openRecipe(
  recipe: ImageRecipe | ArtifactRecipe,
  signal: AbortSignal,
  { sources, subjects, environment }: PushParts,
): Promise<ImageSource> {
  const { onSpool } = sources;
  return await recipe.open({
    openBase: (text, { platform, signal: opening = signal }) =>
      openSourceText(text, { platform, signal: opening }, sources),
    resolveSubject: (text, options) => subjects.resolve(parseSubject(text), options),
    time: sourceDateEpoch(environment.variables),
    spoolFolder: environment.temporaryFolder,
    onSpool,
    signal,
  });
}
