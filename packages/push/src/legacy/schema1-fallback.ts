import { parseManifest } from '@slipway/manifest';
import { parseReference } from '@slipway/reference';
import { RegistryError } from '@slipway/registry-client';
import { deliverBlobs } from '../deliver/blobs/blobs.ts';
import type { TagDelivery, TagResult } from '../deliver/manifests/tag-delivery.ts';
import { PushError } from '../errors.ts';
import type { ImagePlan, Manifest } from '../plan/plan-types.ts';
import type { Target } from '../presence/target.ts';
import { destinationErrorOf } from '../upload/retry-rules.ts';
import { emptyBlob, putSigned, unsignedOf } from './push-schema1.ts';

const moreInformation = 'More information at https://docs.docker.com/registry/spec/deprecated-schema-v1/';

/** A Docker manifest that a registry has refused. */
export interface RefusedManifest {
  readonly tag: string;
  readonly manifest: Manifest;
  readonly plan: ImagePlan;
}

/**
 * What follows when a registry refuses a Docker manifest: with `requireSchema2`, as ever since Docker 20.10, the
 * refusal, with an explanation for the words of registries that know schema 1 only; else a signed schema 1 manifest and
 * a notice.
 *
 * @see https://github.com/moby/moby/blob/v25.0.0/distribution/push_v2.go#L214-L247
 */
export async function afterRefusal(
  error: Error,
  { tag, manifest, plan }: RefusedManifest,
  target: Target,
  delivery: TagDelivery,
): Promise<TagResult> {
  if (delivery.requireSchema2 !== false) return { tag, error: reworded(error) };
  try {
    const document = parseManifest(manifest.bytes, manifest.mediaType);
    if (document.kind !== 'docker-manifest') return { tag, error };
    const unsigned = unsignedOf(
      plan,
      document.layers.map(({ digest }) => digest),
      tag,
      target,
    );
    if (unsigned.usesEmptyLayer) await deliverBlobs([emptyBlob], target, delivery);
    const result = await putSigned(tag, unsigned, target, delivery);
    if ('manifest' in result) warn(target);
    return result;
  } catch (failure) {
    delivery.scope.signal.throwIfAborted();
    return { tag, error: failure instanceof Error ? failure : error };
  }
}

function warn(target: Target): void {
  const { registry } = parseReference(target.name);
  target.emit({
    type: 'warning',
    destination: target.destination,
    code: 'schema1-deprecated',
    message:
      '[DEPRECATION NOTICE] support for pushing manifest v2 schema1 images will be removed in an upcoming ' +
      `release. Please contact admins of the ${registry} registry NOW to avoid future disruption. ` +
      `${moreInformation}`,
  });
}

/** The answer says it too: a daemon tells its client docker's words for the answer. */
function reworded(error: Error): Error {
  const answer = destinationErrorOf(error);
  if (answer?.dockerMessage !== 'tag invalid' || !(error instanceof PushError)) return error;
  const { code, op, origin, descriptor } = error;
  const text =
    `[DEPRECATED] support for pushing manifest v2 schema1 images has been removed. ${moreInformation}: ` +
    'tag invalid';
  const { status, diagnostics } = answer;
  const cause = new RegistryError(answer.message, {
    code: answer.code,
    status,
    diagnostics,
    dockerMessage: text,
    cause: error,
  });
  const hint = 'if the registry takes nothing newer, use `format: schema1`';
  return new PushError(code, text, { op, origin, descriptor, cause, hint });
}
