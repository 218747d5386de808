import type { CommandContext } from './command-context.ts';
import { parseDestinations } from './destinations.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';

/** Gives an image a further name. Prints nothing, as docker does. */
export async function runTag(
  image: string,
  text: string,
  options: LocalStoreOptions,
  context: CommandContext,
): Promise<void> {
  const [reference] = parseDestinations([text], false);
  if (!reference) throw new Error('unreachable: one text gives one reference');
  await using store = await openLocalStore(options, context);
  await store.tag(image, reference, { signal: context.signal });
}
