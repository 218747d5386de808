import type { AbortOptions } from '@slipway/digest';
import type { ArtifactRecipe, ImageRecipe, ImageSource, SourceItem } from '@slipway/image-source';
import type { Platform } from '@slipway/manifest';
import type { PushOptions } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { optionError } from '../errors.ts';
import { assertKnown, type PartNames, pushBag } from '../options/assert-known.ts';
import { readOptions } from '../options/read-options.ts';
import type { SigningSettings } from '../signing/open-signer.ts';
import type { DestinationInput } from './destinations.ts';

/**
 * What to push: a text as `slipway push` takes it (`app.tar`, `oci:layout:v1`, `docker://ghcr.io/me/app:1`,
 * `docker-daemon:app`, `store:app`, `-`), a source that is open already, which stays the caller's to dispose, one
 * image, or one that `imageFrom` makes of parts: its base may be any such text. Or an artifact that `artifactFrom`
 * makes of files: its subject may be a reference, and has to be in every destination's repository.
 */
export type SourceInput = string | ImageSource | SourceItem | ImageRecipe | ArtifactRecipe;

/** How layers that are compressed here are made. */
export interface CompressionSettings {
  /** Effort: gzip 1 to 9, zstd 1 to 19. @default that of `@slipway/digest` */
  readonly compressionLevel?: number | undefined;
  /** What makes gzip: `deflate` is fast and makes the same bytes everywhere. @default 'deflate' */
  readonly compressor?: 'deflate' | 'zlib' | 'fflate' | undefined;
}

/** Which of a source's images. */
export interface SelectionSettings {
  /** Every tag of the source; destinations are repositories then. @default false */
  readonly allTags?: boolean | undefined;
  /** With `allTags`, tags that the source has of other repositories too. @default false */
  readonly into?: boolean | undefined;
  /** With `allTags`, only tags that match this pattern: `v1.*` by tag, `me/app:*` by the whole name. @default all */
  readonly tags?: string | undefined;
  /** With `allTags`, only images made at that time or later, also as '2026-01-31' or '30d'. @default all */
  readonly newerThan?: Date | string | undefined;
  /** One platform of an image for several: 'linux/arm64'. @default all */
  readonly platform?: Platform | string | undefined;
  /** Also what refers to the image: signatures, SBOMs, attestations. @default false */
  readonly referrers?: boolean | undefined;
}

/** How one push is done; every option means the same, and has the same default, as that of `slipway push`. */
export interface PushSettings
  extends SelectionSettings,
    CompressionSettings,
    SigningSettings,
    Omit<PushOptions, 'platform' | 'requireSchema2' | 'requireSubject' | 'signing' | 'onEvent' | 'signal'> {}

/** One push. */
export interface PushRequest extends PushSettings, AbortOptions, Pick<PushOptions, 'onEvent'> {
  /**
   * Whether a registry that refuses a Docker manifest gets no signed schema 1 manifest in its place.
   * @default as `DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE` has it
   */
  readonly requireSchema2?: boolean | undefined;
  readonly source: SourceInput;
  /** One destination or several, which share the work: `ghcr.io/me/app:1`. */
  readonly to: DestinationInput | readonly DestinationInput[];
  /**
   * With `allTags`, tags of a destination that stay as they are, such as those that an earlier push has reached: they
   * are in no result. @default none
   */
  readonly leaveOut?: ((reference: Reference) => boolean) | undefined;
}

/** {@link PushRequest} with its options as their kinds read them. */
export type ReadPushRequest = Omit<PushRequest, 'newerThan' | 'platform'> & {
  readonly newerThan?: Date | undefined;
  readonly platform?: Platform | undefined;
};

const parts: PartNames<PushRequest> = {
  source: true,
  to: true,
  leaveOut: true,
  signal: true,
  onEvent: true,
  signer: true,
  requireSchema2: true,
};

/** Reads the options of a push. @throws {ClientError} `ERR_CLIENT_OPTION` */
export function readPushRequest(request: PushRequest): ReadPushRequest {
  if (typeof request !== 'object' || request === null)
    throw optionError('Expected a push to be told `source` and `to`');
  assertKnown(request, pushBag(parts));
  const { source, to, leaveOut, signal, onEvent, signer, requireSchema2 } = request;
  return { source, to, leaveOut, signal, onEvent, signer, requireSchema2, ...readOptions('push', request) };
}
