import { isDigest } from '@slipway/digest';
import { PushError } from '../../errors.ts';
import type { Manifest } from '../../plan/plan-types.ts';
import { isDigestOf } from '../../plan/root-digest.ts';
import type { Target } from '../../presence/target.ts';

/** The tag that a name is; undefined for a digest, under which a manifest lies without a tag. */
export function tagIn(name: string): string | undefined {
  return isDigest(name) ? undefined : name;
}

/** Why a manifest cannot be put under a name: it is a digest, and another one than that of the manifest. */
export function misnamed(name: string, manifest: Manifest, { destination }: Target): PushError | undefined {
  const { digest } = manifest;
  if (!isDigest(name) || isDigestOf(name, manifest)) return undefined;
  const message = `Could not push ${destination}@${name}: the image is ${digest}`;
  return new PushError('ERR_PUSH_DIGEST_REFERENCE', message, {
    op: 'plan',
    origin: 'request',
    descriptor: { digest },
    hint: `push to @${digest}, or to a tag; what is converted or compressed has another digest than before`,
  });
}
