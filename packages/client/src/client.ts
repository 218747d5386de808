import type { AbortOptions } from '@slipway/digest';
import type { Credentials, RegistryCredentials } from '@slipway/docker-credentials';
import type { ImageSource } from '@slipway/image-source';
import type { PushResult } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { Repository } from '@slipway/registry-client';
import type { AttachRequest } from './artifacts/attach-request.ts';
import type { Referrer, ReferrersOptions } from './artifacts/subjects.ts';
import type { RegistryEndpoint } from './connection/registries.ts';
import type { LoginOptions } from './connection/verify-login.ts';
import type { TrackedCredentials } from './credentials/tracked-credentials.ts';
import type { Delivery, DeliveryOptions } from './push/push-all.ts';
import type { PushRequest } from './push/push-request.ts';
import type { OpenOptions } from './sources/open-source.ts';

/** A destination that was reached. */
export type PushedImage = Extract<PushResult, { ok: true }>;

/** How a repository is opened. */
export interface RepositoryOptions extends AbortOptions {
  /** @default 'push', which includes reading */
  readonly access?: 'push' | 'pull' | undefined;
}

/** How a push ended, whatever became of its destinations. */
export interface PushReport {
  /** Every destination, in the order asked; with `allTags` every tag at every destination. */
  readonly results: readonly PushResult[];
  /** With `allTags`, tags of the source that no registry takes: they are left out. */
  readonly refusedTags: readonly string[];
}

/**
 * Pushes images, and opens what is needed for that: as `slipway` does it, in one object.
 *
 * Leaving scope aborts what runs, waits for its end, and closes in this order: transfers, sources, registries, stores.
 */
export interface Client extends AsyncDisposable {
  /**
   * Pushes a source to its destinations, which share the work.
   *
   * @returns every destination, in the order asked
   * @throws {PushFailedError} `ERR_CLIENT_PUSH_FAILED` when one failed; its `results` has them all, as one that failed
   * stops no other. Use {@link pushSettled} to have failures as values.
   * @throws {ClientError} when the request cannot be met; {@link SourceError} when the source cannot be read; the
   * signal's reason
   */
  push(request: PushRequest): Promise<readonly PushedImage[]>;
  /** The same, but a destination that fails is a result: only what concerns all of them rejects. */
  pushSettled(request: PushRequest): Promise<PushReport>;
  /**
   * Attaches an artifact to an image or to another artifact: pushes it into the same repository, under its digest
   * alone, and sees to it that the registry lists it.
   *
   * @throws {PushFailedError} `ERR_CLIENT_PUSH_FAILED` with the result
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such subject, and when a file cannot be read
   * @example await client.attach({ subject: 'ghcr.io/me/app:1', artifact: { files: ['sbom.json'], artifactType:
   * 'application/spdx+json' } });
   */
  attach(request: AttachRequest): Promise<PushedImage>;
  /**
   * What refers to an image: signatures, SBOMs, attestations, whatever was attached to it.
   *
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such image; {@link RegistryError} when its registry
   * fails
   */
  referrers(image: string | Reference, options?: ReferrersOptions): Promise<readonly Referrer[]>;
  /**
   * Pushes several images that are open as one push, one after the other, each to all its destinations at once: all
   * tags of a repository. Those for one repository share what was found out about it. A destination that fails is a
   * result.
   *
   * @returns the results of each delivery, in its order; none of those that `stopAtFailure` left out
   * @throws {ClientError} when the options do not fit together, or a destination is none; the signal's reason
   */
  pushAll(deliveries: readonly Delivery[], options?: DeliveryOptions): Promise<readonly (readonly PushResult[])[]>;
  /**
   * Opens a source by its text, whatever its transport. It has to be disposed before the client.
   *
   * @throws {SourceError} when there is no such source, or it cannot be read
   */
  open(source: string, options?: OpenOptions): Promise<ImageSource>;
  /**
   * The client of one repository, through the first way that its registry can be reached by: `ghcr.io/me/app`. A tag or
   * digest does not matter. It works until the client is disposed. With `access: 'pull'` it asks for the rights to read
   * only, and shares connections and tokens with the sources of that registry.
   *
   * @throws {RegistryError} that says why the registry cannot be reached
   */
  repository(name: string | Reference, options?: RepositoryOptions): Promise<Repository>;
  /** The ways to a registry (`ghcr.io`), in the order to try them. Nothing is sent. */
  waysTo(registry: string): Promise<readonly RegistryEndpoint[]>;
  /**
   * Shows credentials to a registry, and keeps them nowhere.
   *
   * @throws {LoginRefusedError} `ERR_CLIENT_LOGIN_REFUSED` when they are refused
   * @throws {RegistryError} when the registry cannot be reached, or answers something else
   * @throws {ArgumentError} `ERR_ARGUMENT` when they are none
   */
  verifyLogin(
    registry: string,
    credentials: Credentials | RegistryCredentials | undefined,
    options?: LoginOptions,
  ): Promise<void>;
  /** Whose credentials registries are shown. */
  readonly credentials: TrackedCredentials;
}
