import type { KeyValueBackend } from '@slipway/metadata-store';
import type { Logger } from 'pino';
import type { ServerConfig } from '../../../config/server-config.ts';
import { readFolderID } from '../../record/folder-id.ts';
import { createJobStore, damageTeller } from '../../record/job-store.ts';
import { createRedisRoster } from '../../roster/redis-roster.ts';
import type { JobBackend } from '../job-backend.ts';
import type { JobShares } from '../job-shares.ts';
import type { SharedLocks } from '../shared-locks.ts';
import { openRedis } from './open-redis.ts';
import { forgivingBackend, patientBackend } from './patient-backend.ts';
import { createRedisBackend } from './redis-backend.ts';
import { openRedisChannel } from './redis-channel.ts';
import { createRedisLocks } from './redis-locks.ts';
import { openRedisQueue } from './redis-queue.ts';

/** What daemons on one Redis have in common. */
export interface SharedState extends AsyncDisposable {
  /** Where the metadata store keeps its bytes. */
  readonly metadata: KeyValueBackend;
  readonly locks: SharedLocks;
  /** What is wrong with Redis, in a sentence. */
  readonly fault: string | undefined;
  openJobs(shares: JobShares): Promise<JobBackend>;
}

const prefix = 'slipway';

/** @throws {ServerError} `ERR_SERVER_REDIS` */
export async function openSharedState(
  url: string,
  {
    config,
    log,
  }: { readonly config: Pick<ServerConfig, 'dataDir' | 'jobConcurrency' | 'jobLeaseMs'>; readonly log: Logger },
): Promise<SharedState> {
  const redis = await openRedis(url, log);
  const { main, health } = redis;
  const closing = new AbortController();
  const locks = createRedisLocks(main, { prefix, leaseMs: config.jobLeaseMs, log, health });
  const jobs = createRedisBackend(main, health, `${prefix}:jobs`);
  const onDamaged = damageTeller(log, (name) => `${prefix}:jobs:${name.replace('/', ' ')}`);
  const { jobLeaseMs: leaseMs, jobConcurrency: concurrency } = config;
  return {
    metadata: forgivingBackend(createRedisBackend(main, health, `${prefix}:metadata`)),
    locks,
    get fault() {
      return health.fault;
    },
    openJobs: async (shares) => ({
      isShared: true,
      store: createJobStore(jobs, { onDamaged }),
      workStore: createJobStore(patientBackend(jobs, closing.signal), { onDamaged }),
      queue: await openRedisQueue(redis, {
        home: await readFolderID(config.dataDir),
        concurrency,
        shares,
        prefix: `${prefix}:queue`,
        leaseMs,
        log,
      }),
      channel: await openRedisChannel(redis, { name: `${prefix}:news`, log }),
      roster: createRedisRoster(main, { key: `${prefix}:daemons`, goneMs: leaseMs, health, log }),
    }),
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the daemon is shutting down'));
      locks[Symbol.dispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}
