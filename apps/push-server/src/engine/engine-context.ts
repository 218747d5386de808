import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ImageStore,
  type ImageStoreEvent,
  type LayerCache,
  openImageStore,
  openLayerCache,
} from '@slipway/image-store';
import {
  createMetadataStore,
  type MetadataStore,
  openMetadataStore,
  openResilientBackend,
  withDockerMetadata,
} from '@slipway/metadata-store';
import { createTransferManager, type TransferManager } from '@slipway/transfer';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { Environment } from '../environment.ts';
import { openSharedState, type SharedState } from '../jobs/redis/open-shared-state.ts';
import { createMetrics, type Metrics } from '../operation/metrics.ts';
import { createPushBoard, type PushBoard } from '../page/push-board.ts';
import { type AuditLog, openAuditLog } from '../security/audit.ts';
import { openTokenStore, type TokenStore } from '../security/token-store.ts';
import { type Activity, createActivity, type WorkKind } from './activity.ts';
import { admitWithin, type DiskKeeper, layerCacheBytes, startDiskKeeper } from './disk-space.ts';
import { createEventLog, type EngineEvent, type EventLog } from './event-log.ts';
import { createPushService, type PushService } from './push-service.ts';
import { createRegistryAccess, type RegistryAccess } from './registry-access.ts';

/** Everything the daemon works with; every route gets it. Leaving scope closes what it opened. */
export interface EngineContext extends AsyncDisposable {
  readonly config: ServerConfig;
  readonly environment: Environment;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly tokens: TokenStore;
  readonly metrics: Metrics;
  readonly events: EventLog;
  readonly store: ImageStore;
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
  /** Slots of all uploads; pushes go through {@link pushes}. */
  readonly transfers: TransferManager;
  readonly registries: RegistryAccess;
  readonly pushes: PushService;
  /** What the status page shows of pushes. */
  readonly board: PushBoard;
  /** What is shared with other daemons; undefined for a daemon that is alone. */
  readonly shared: SharedState | undefined;
  readonly disk: DiskKeeper;
  /** What runs now: limited, counted, waited for at shutdown. */
  readonly activity: Activity;
  /** Where archives are spooled; emptied at start. */
  readonly spoolFolder: string;
}

export interface EngineContextOptions {
  readonly config: ServerConfig;
  readonly environment: Environment;
  readonly log: Logger;
}

/** Opens the stores in the data folder and builds what pushes need on top of them. */
export async function openEngineContext({ config, environment, log }: EngineContextOptions): Promise<EngineContext> {
  const { dataDir, diskQuota } = config;
  const spoolFolder = join(dataDir, 'spool');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await mkdir(spoolFolder, { recursive: true, mode: 0o700 });
  const onWarning = (error: Error): void => log.warn(error.message);
  const events = createEventLog();
  const audit = openAuditLog(config.auditLog, log);
  const shared = config.redis === undefined ? undefined : await openSharedState(config.redis, { config, log });
  const board = createPushBoard();
  const store = await openImageStore({
    folder: join(dataDir, 'images'),
    onWarning: (message) => log.warn(message),
    onEvent: publishTo(events),
    admit: admitWithin(diskQuota),
  });
  const ownMetadata =
    shared === undefined
      ? await openMetadataStore({ folder: join(dataDir, 'metadata'), onWarning })
      : createMetadataStore(await openResilientBackend({ open: async () => shared.metadata, onWarning }));
  const metadataStore =
    config.dockerMetadata === undefined
      ? ownMetadata
      : await withDockerMetadata(ownMetadata, {
          folder: config.dockerMetadata,
          isWritable: config.dockerMetadataWrite,
          onWarning,
        });
  const layerCache = await openLayerCache({
    folder: join(dataDir, 'layers'),
    maxBytes: layerCacheBytes(diskQuota),
    onWarning,
  });
  const transfers = createTransferManager({ concurrency: config.concurrency });
  const metrics = createMetrics();
  const { countRequest: onRequest } = metrics;
  const registries = createRegistryAccess({ config, environment, log, transfers, onRequest });
  const pushes = createPushService({
    ...config,
    registries,
    metadataStore,
    layerCache,
    metrics,
    log,
    board,
    locks: shared?.locks,
  });
  const disk = startDiskKeeper({ store, diskQuota, intervalMs: config.gcIntervalMs, log });
  const activity = createActivity({ push: config.maxPushes, load: config.maxLoads, save: config.maxLoads });
  for (const [kind, name] of Object.entries(plurals) as readonly (readonly [WorkKind, string])[]) {
    metrics.gauge(`slipwayd_running_${name}`, `${name} that run now`, () => activity.running(kind));
  }
  metrics.gauge('slipwayd_events_readers', 'Readers of /events', () => events.subscribers);
  return {
    config,
    environment,
    log,
    audit,
    tokens: openTokenStore({ folder: dataDir }),
    metrics,
    events,
    store,
    metadataStore,
    layerCache,
    transfers,
    registries,
    pushes,
    board,
    shared,
    disk,
    activity,
    spoolFolder,
    async [Symbol.asyncDispose]() {
      await activity.close(0);
      await disk[Symbol.asyncDispose]();
      await transfers[Symbol.asyncDispose]();
      await layerCache[Symbol.asyncDispose]();
      await metadataStore[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await shared?.[Symbol.asyncDispose]();
      audit[Symbol.dispose]();
    },
  };
}

const plurals: Readonly<Record<WorkKind, string>> = { push: 'pushes', load: 'loads', save: 'saves', job: 'jobs' };

/** Passes the store's events on. An image that is loaded with several names is loaded once. */
function publishTo(events: EventLog): (event: ImageStoreEvent) => void {
  let loaded: string | undefined;
  return (event) => {
    if (event.type === 'load' && event.id === loaded) return;
    loaded = event.type === 'load' ? event.id : undefined;
    queueMicrotask(() => {
      loaded = undefined;
    });
    events.publish(engineEventOf(event));
  };
}

/** What the store did, in the words of `docker events`: the image is the actor; only a tag is told by its name. */
function engineEventOf({ type, id, reference }: ImageStoreEvent): Omit<EngineEvent, 'timeNano'> {
  const name = type === 'tag' ? (reference ?? id) : id;
  return { action: type, actor: id, attributes: { name } };
}
