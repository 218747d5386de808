import type { AbortOptions } from '@slipway/digest';
import type { ArtifactParts } from '@slipway/image-source';
import type { Platform } from '@slipway/manifest';
import type { PushOptions } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { optionError } from '../errors.ts';
import { assertKnown, bagOf } from '../options/assert-known.ts';
import type { PushSettings } from '../push/push-request.ts';

/** What is attached to what. */
export interface AttachRequest
  extends AbortOptions,
    Pick<PushSettings, 'dryRun' | 'force' | 'signKey' | 'signer' | 'signIdentity'>,
    Pick<PushOptions, 'onEvent'> {
  /** The manifest that it is about: `ghcr.io/me/app:1`. */
  readonly subject: string | Reference;
  /** Attach it to one image of an index: 'linux/arm64'. @default to the index itself */
  readonly platform?: Platform | string | undefined;
  readonly artifact: Omit<ArtifactParts, 'subject'>;
}

const known: Readonly<Record<keyof AttachRequest, true>> = {
  subject: true,
  artifact: true,
  platform: true,
  dryRun: true,
  force: true,
  signKey: true,
  signer: true,
  signIdentity: true,
  onEvent: true,
  signal: true,
};

/** @throws {ClientError} `ERR_CLIENT_OPTION` */
export function assertAttachRequest(request: unknown): void {
  const { subject, artifact } = (request ?? {}) as { readonly subject?: unknown; readonly artifact?: unknown };
  const isNamed = (typeof subject === 'string' && subject !== '') || (typeof subject === 'object' && subject !== null);
  if (!isNamed || typeof artifact !== 'object' || artifact === null) {
    throw optionError('Expected an attachment to be told `subject` and `artifact`');
  }
  assertKnown(request as object, bagOf('an attachment', known));
}
