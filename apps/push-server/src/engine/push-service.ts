import {
  createEstargzCompressor,
  createGzipCompressor,
  createZstdChunkedCompressor,
  createZstdCompressor,
  isEstargzAvailable,
  isZstdAvailable,
} from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import type { LayerCache } from '@slipway/layer-cache';
import type { Platform } from '@slipway/manifest';
import type { TrustKey } from '@slipway/manifest/schema1';
import type { MetadataStore } from '@slipway/metadata-store';
import { createPusher, type PushAllOptions, type Pusher, type PushResult } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import { createHostBackoff, type TransferManager } from '@slipway/transfer';
import type { Logger } from 'pino';
import { lockedTransfers, type SharedLocks } from '../jobs/shared-locks.ts';
import type { Metrics } from '../operation/metrics.ts';
import type { PushBoard, PushSubject } from '../page/push-board.ts';
import type { FairTransfers } from './fair-transfers.ts';
import { type PushDefaults, type PushSettings, pushOptionsOf } from './push-settings.ts';
import type { Identity, RegistryAccess } from './registry-access.ts';

/** One item and everywhere it goes. */
export interface ServiceDelivery {
  readonly item: SourceItem;
  readonly references: readonly Reference[];
  /** One manifest of an index. @default the whole index */
  readonly platform?: Platform | undefined;
}

export interface ServicePushOptions
  extends Pick<PushAllOptions, 'signal' | 'onEvent' | 'onDelivered' | 'stopAtFailure'> {
  readonly identity: Identity;
  /** What was chosen for this push. @default as the daemon was started */
  readonly settings?: PushSettings | undefined;
  /** What the status page calls it. @default it is not shown */
  readonly subject?: PushSubject | undefined;
}

/** Pushes in somebody's name, sharing work with all other pushes of the same name. Used by the Engine API and by jobs. */
export interface PushService {
  /** As `Pusher.pushAll`: a destination that fails is a result. Rejects with `signal.reason` on abort. */
  push(
    deliveries: readonly ServiceDelivery[],
    options: ServicePushOptions,
  ): Promise<readonly (readonly PushResult[])[]>;
}

export interface PushServiceOptions {
  readonly registries: RegistryAccess;
  readonly transfers: Pick<FairTransfers, 'as'>;
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly board: PushBoard;
  /** Keeps daemons that share a Redis from sending the same blob at once. @default there are no others */
  readonly locks?: SharedLocks | undefined;
  /** Further attempts at a blob. */
  readonly retries: number;
  readonly compressionLevel: number;
  readonly defaults: PushDefaults;
  /** Signs schema 1 manifests. */
  readonly trustKey: () => Promise<TrustKey>;
}

/** Makes the one service through which everything is pushed. */
export function createPushService(options: PushServiceOptions): PushService {
  const { registries, metadataStore, layerCache, metrics, log, board, locks } = options;
  const gzip = createGzipCompressor({ level: options.compressionLevel });
  const zstd = isZstdAvailable() ? createZstdCompressor() : undefined;
  const zstdChunked = isZstdAvailable() ? createZstdChunkedCompressor() : undefined;
  const estargz = isEstargzAvailable() ? createEstargzCompressor({ level: options.compressionLevel }) : undefined;
  const hostBackoff = createHostBackoff(); // a registry that wants to be left alone is left alone by everybody
  // What a pusher learns of registries, and the order in which it mounts, is worth keeping for as long as somebody pushes.
  const pushers = new WeakMap<TransferManager, Pusher>();
  const createIdentityPusher = (transfers: TransferManager): Pusher =>
    createPusher({
      transfers: lockedTransfers(transfers, locks),
      metadataStore,
      layerCache,
      gzip,
      zstd,
      zstdChunked,
      estargz,
      trustKey: options.trustKey,
      attempts: options.retries + 1,
      retry: { hostBackoff },
    });
  return {
    async push(deliveries, { identity, subject, settings = {}, onEvent, ...pushOptions }) {
      await using lease = registries.lease(identity);
      const pusher = pushers.get(lease.transfers) ?? createIdentityPusher(lease.transfers);
      pushers.set(lease.transfers, pusher);
      const chosen = pushOptionsOf(settings, options.defaults);
      const mayUseV1 = chosen.format === 'v1' || chosen.protocol !== 'v2';
      const prepared = await Promise.all(
        deliveries.map(async ({ item, platform, references }) => ({
          ...{ item, platform },
          destinations: await Promise.all(references.map((one) => lease.destinationOf(one, { mayUseV1 }))),
        })),
      );
      const started = performance.now();
      const references = deliveries.flatMap((delivery) => delivery.references);
      using shown = board.begin(subject, references);
      const push = (): ReturnType<Pusher['pushAll']> =>
        pusher.pushAll(prepared, {
          ...chosen,
          ...pushOptions,
          onEvent(event) {
            metrics.countEvent(event);
            shown.tell(event);
            if (event.type === 'warning') log.warn({ destination: event.destination }, event.message);
            onEvent?.(event);
          },
        });
      const results = await options.transfers.as(subject?.principal ?? '', push);
      shown.end(results.flat());
      for (const result of results.flat()) {
        metrics.countResult(result);
        const seconds = (performance.now() - started) / 1000;
        metrics.pushSeconds.observe({ outcome: result.ok ? 'pushed' : 'failed' }, seconds);
      }
      return results;
    },
  };
}
