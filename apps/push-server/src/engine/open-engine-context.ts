import { join } from 'node:path';
import type { ClientEnvironment } from '@slipway/client';
import { makeFolder } from '@slipway/file-lock';
import { type ImageStore, openImageStore } from '@slipway/image-store';
import { openLayerCache } from '@slipway/layer-cache';
import {
  createMetadataStore,
  openMetadataStore,
  openResilientBackend,
  withDockerMetadata,
} from '@slipway/metadata-store';
import { dispatcherFor, readProxyVariables } from '@slipway/registry-client/proxy';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import { createJobShares } from '../jobs/queue/job-shares.ts';
import { openSharedState } from '../jobs/queue/redis/open-shared-state.ts';
import { createMetrics } from '../operation/metrics.ts';
import { createPushBoard } from '../page/push-board.ts';
import { openAuditLog } from '../security/audit.ts';
import { createEgress } from '../security/egress.ts';
import { openGatekeeper } from '../security/gatekeeper.ts';
import { openTokenStore, type TokenStore } from '../security/token-store.ts';
import { watchTokens } from '../security/watch-tokens.ts';
import { noTracing, type Tracing } from '../tracing/open-tracing.ts';
import { createActivity, type WorkKind } from './activity.ts';
import { createDisposables, type Disposables } from './disposables.ts';
import type { EngineContext } from './engine-context.ts';
import { createEventLog } from './event-log.ts';
import { createFairTransfers } from './fair-transfers.ts';
import { layerCacheBytes, startDiskKeeper } from './folder/disk-space.ts';
import { watchFolder } from './folder/folder-health.ts';
import { lockFolder } from './folder/folder-lock.ts';
import { roomyStore } from './folder/roomy-store.ts';
import { openSpaceReserve } from './folder/space-reserve.ts';
import { publishStoreEvents } from './publish-store-events.ts';
import { createPushService } from './push-service.ts';
import { createRegistryClients } from './registry-clients.ts';
import { openSigningKey } from './signing-key.ts';

export interface EngineContextOptions {
  readonly config: ServerConfig;
  readonly environment: ClientEnvironment;
  readonly log: Logger;
  /** The caller's. @default nothing is traced */
  readonly tracing?: Tracing | undefined;
}

/**
 * Opens the stores in the data folder and builds what pushes need on top of them.
 *
 * @throws what opening one of them throws; nothing is left open then
 */
export async function openEngineContext(options: EngineContextOptions): Promise<EngineContext> {
  const opened = createDisposables();
  try {
    return await open(options, opened);
  } catch (error) {
    try {
      await opened[Symbol.asyncDispose]();
    } catch (err) {
      options.log.warn({ err }, 'what was opened cannot be closed');
    }
    throw error;
  }
}

async function open(
  { config, environment, log, tracing = noTracing }: EngineContextOptions,
  opened: Disposables,
): Promise<EngineContext> {
  const { dataDir, diskQuota } = config;
  // Before anything of the folder is touched: a part of the program that is missing stops the start, and nothing else.
  if (config.redis !== undefined) await Promise.all([import('ioredis'), import('bullmq')]);
  const spoolFolder = join(dataDir, 'spool');
  await makeFolder(dataDir, 0o700);
  const reserve = await openSpaceReserve({ folder: dataDir });
  await makeFolder(spoolFolder, 0o700);
  const folderLock = opened.use(
    await lockFolder({
      folder: dataDir,
      isShared: config.redis !== undefined,
      waitMs: config.shutdownTimeoutMs + leavingMs,
      onWait: () => log.info('another daemon is about to leave the data folder: it is waited for'),
    }),
  );
  const folder = opened.use(watchFolder({ folder: dataDir, log }));
  const onWarning = (error: Error): void => log.warn(error.message);
  const events = createEventLog();
  const metrics = createMetrics();
  const audit = metrics.countAudits(opened.use(await openAuditLog(config.auditLog, log)));
  const { redis } = config;
  const shared = redis === undefined ? undefined : opened.use(await openSharedState(redis, { config, log }));
  const board = createPushBoard();
  const { minFree, gcIntervalMs: intervalMs } = config;
  // The store asks the keeper, and the keeper looks into the store.
  const disk = startDiskKeeper({ store: () => store, dataDir, diskQuota, minFree, reserve, intervalMs, log });
  const store: ImageStore = opened.use(
    roomyStore(
      await openImageStore({
        folder: join(dataDir, 'images'),
        onWarning: (message) => log.warn(message),
        onEvent: publishStoreEvents(events),
        admit: (request) => disk.admit(request),
      }),
      reserve,
    ),
  );
  const ownMetadata = opened.use(
    shared === undefined
      ? await openMetadataStore({ folder: join(dataDir, 'metadata'), gatherMs, onWarning })
      : createMetadataStore(await openResilientBackend({ open: async () => shared.metadata, onWarning })),
  );
  const metadataStore =
    config.dockerMetadata === undefined
      ? ownMetadata
      : await withDockerMetadata(ownMetadata, {
          folder: config.dockerMetadata,
          isWritable: config.dockerMetadataWrite,
          onWarning,
        });
  const maxBytes = layerCacheBytes(diskQuota);
  const layerCache = opened.use(
    await openLayerCache({ folder: join(dataDir, 'layers'), maxBytes, gatherMs, onWarning }),
  );
  const transfers = opened.use(createFairTransfers({ concurrency: config.concurrency }));
  const { countRequest: onRequest } = metrics;
  const trustKey = await openSigningKey(config);
  const egress = createEgress(config.allowRegistries);
  const tokens = openTokenStore({ folder: dataDir });
  await tokens.areUsed(); // known from the start on, whatever becomes of the folder
  if (config.auditLog === undefined) opened.use(await watchTokens(tokens, audit));
  const { variables: env, homeFolder } = environment;
  const dispatcher = dispatcherFor(await readProxyVariables({ env, homeFolder, onWarning: (text) => log.warn(text) }));
  // The tokens lie in the data folder, and each request with a token waits for them.
  const looked: Pick<TokenStore, 'areUsed' | 'verify'> = {
    areUsed: () => folder.inTime(tokens.areUsed()),
    verify: (text) => folder.inTime(tokens.verify(text)),
  };
  const gatekeeper = opened.use(await openGatekeeper({ config, tokens: looked, egress, dispatcher, log }));
  const clients = createRegistryClients({
    ...{ config, environment, log, transfers, metadataStore, layerCache, trustKey, onRequest, egress },
    locks: shared?.locks,
  });
  const defaults = { ...config, schema1Fallback: config.schema1Fallback || environment.allowsSchema1 };
  const pushes = createPushService({ defaults, egress, clients, transfers, metrics, log, board });
  opened.use(disk);
  await reserve.fill();
  const activity = createActivity({ push: config.maxPushes, load: config.maxLoads, save: config.maxLoads });
  activity.onClosing(() => folderLock.leaving());
  for (const [kind, name] of Object.entries(plurals) as readonly (readonly [WorkKind, string])[]) {
    metrics.gauge(`slipwayd_running_${name}`, `${name} that this daemon works on now`, () => activity.running(kind));
  }
  const jobShares = createJobShares({ concurrency: config.jobConcurrency });
  metrics.labelledGauge(
    'slipwayd_transfers',
    'Transfers by who holds or waits for a slot',
    ['registry', 'principal', 'state'],
    () =>
      transfers.holders().flatMap(({ registry, principal, active, waiting }) => [
        { labels: { registry, principal, state: 'active' }, value: active },
        { labels: { registry, principal, state: 'waiting' }, value: waiting },
      ]),
  );
  metrics.gauge('slipwayd_events_readers', 'Readers of /events', () => events.subscribers);
  return {
    config,
    environment,
    log,
    audit,
    tokens,
    gatekeeper,
    metrics,
    tracing,
    events,
    store,
    metadataStore,
    layerCache,
    transfers,
    jobShares,
    clients,
    egress,
    pushes,
    board,
    shared,
    disk,
    reserve,
    folder,
    activity,
    spoolFolder,
    async [Symbol.asyncDispose]() {
      await activity.close(0);
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** A push notes a fact or two for each layer: those of a second are written together. */
const gatherMs = 1_000;

/** How much longer than it should a daemon that leaves the data folder may take. */
const leavingMs = 15_000;

const plurals: Readonly<Record<WorkKind, string>> = { push: 'pushes', load: 'loads', save: 'saves', job: 'jobs' };
