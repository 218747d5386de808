import type { PushSettings } from '@slipway/client';
import { artifactFrom, assertPushSettings, PushFailedError, parseDestinations } from '@slipway/client';
import type { CommandContext } from '../command-context.ts';
import { readDeliveryFlags } from '../push/push-flags.ts';
import { deliver } from '../push/run-push.ts';
import { type ArtifactFlags, artifactOf } from './artifact-flags.ts';
import { readDestinations } from './file-argument.ts';

export interface PushArtifactFlags extends ArtifactFlags {
  /** Further destinations. */
  readonly to?: readonly string[] | undefined;
  /** What the artifact is about. */
  readonly subject?: string | undefined;
}

/** What is attached may be about one image of an index. */
export type AttachArtifactFlags = ArtifactFlags & Pick<PushSettings, 'platform'>;

/** `slipway artifact push`: files as an artifact, to one destination or several. */
export async function pushArtifact(
  destination: string,
  files: readonly string[],
  given: PushArtifactFlags,
  context: CommandContext,
): Promise<void> {
  const flags = readDeliveryFlags(given);
  const { subject, to = [], dryRun, force, signKey, signIdentity } = flags;
  assertPushSettings({ signKey, signIdentity });
  const references = parseDestinations([destination, ...to].flatMap(readDestinations), { digests: true });
  const source = artifactFrom({ ...artifactOf(files, flags), subject });
  await deliver(references, flags, context, (client, events) =>
    client.pushSettled({ ...events, dryRun, force, signKey, signIdentity, source, to: references }),
  );
}

/** `slipway artifact attach`: the same beside an image, and under no tag. */
export async function attachArtifact(
  image: string,
  files: readonly string[],
  given: AttachArtifactFlags,
  context: CommandContext,
): Promise<void> {
  const flags = readDeliveryFlags(given);
  const [subject] = parseDestinations(image, { digests: true });
  if (subject === undefined) throw new Error('unreachable: one name is one reference');
  const { dryRun, force, signKey, signIdentity, platform } = flags;
  assertPushSettings({ signKey, signIdentity });
  const artifact = artifactOf(files, flags);
  await deliver([subject], flags, context, async (client, events) => {
    try {
      const request = { ...events, dryRun, force, signKey, signIdentity, platform, subject, artifact };
      return { results: [await client.attach(request)], refusedTags: [] };
    } catch (error) {
      if (error instanceof PushFailedError) return error;
      throw error;
    }
  });
}
