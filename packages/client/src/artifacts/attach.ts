import { artifactFrom } from '@slipway/image-source';
import type { PushReport } from '../client.ts';
import { readOptions } from '../options/read-options.ts';
import { assertPushSettings } from '../push/assert-push-settings.ts';
import { openRecipe } from '../push/open-recipe.ts';
import type { PushParts } from '../push/push-parts.ts';
import { runPush } from '../push/run-push.ts';
import type { AttachRequest } from './attach-request.ts';
import { parseSubject } from './subjects.ts';

/** Pushes an artifact beside what it is about, under its digest alone. */
export async function runAttach(
  request: AttachRequest & { readonly signal: AbortSignal },
  parts: PushParts,
): Promise<PushReport> {
  const { subject, artifact, signal, signer, onEvent } = request;
  const { platform, ...options } = readOptions('push', request);
  assertPushSettings({ ...options, signer });
  artifactFrom(artifact); // what is wrong with it is told before anything is asked
  const reference = parseSubject(subject);
  parts.credentials.assertFor([reference.registry]);
  const descriptor = await parts.subjects.resolve(reference, { platform, signal });
  await using source = await openRecipe(artifactFrom({ ...artifact, subject: descriptor }), signal, parts);
  const digest = source.items[0]?.manifest?.digest;
  if (digest === undefined) throw new Error('unreachable: an artifact has a manifest');
  const { registry, repository } = reference;
  return await runPush({ ...options, source, to: { registry, repository, digest }, signal, signer, onEvent }, parts);
}
