import { join } from 'node:path';
import { MetadataStoreError, openLmdbBackend } from '@slipway/metadata-store';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { JobBackend } from './job-service.ts';
import { createJobStore } from './job-store.ts';
import { createLocalChannel } from './live-channel.ts';
import { createLocalQueue } from './local-queue.ts';

/**
 * Opens the jobs of a daemon that is alone, in an LMDB file of the data folder. A damaged one is set aside and told.
 *
 * @throws {MetadataStoreError} when it cannot be opened: jobs that would be forgotten are not taken
 */
export async function openLocalJobs({
  config: { dataDir, jobConcurrency: concurrency },
  log,
}: {
  readonly config: Pick<ServerConfig, 'dataDir' | 'jobConcurrency'>;
  readonly log: Logger;
}): Promise<JobBackend> {
  const open = () => openLmdbBackend({ folder: join(dataDir, 'jobs', 'store') });
  const backend = await open().catch(async (error: unknown) => {
    if (!(error instanceof MetadataStoreError) || error.setAside === undefined) throw error;
    const aside = await error.setAside();
    log.error({ err: error, aside }, 'the store of push jobs was damaged; it is started anew');
    return await open();
  });
  return { store: createJobStore(backend), queue: createLocalQueue({ concurrency }), channel: createLocalChannel() };
}
