import { join } from 'node:path';
import { openFileBackend } from '@slipway/metadata-store';
import type { ServerConfig } from '../../config/server-config.ts';
import type { FolderHealth } from '../../engine/folder/folder-health.ts';
import { createJobStore } from '../record/job-store.ts';
import { createLocalRoster } from '../roster/daemon-roster.ts';
import { folderBackends } from './folder-backends.ts';
import type { JobBackend } from './job-backend.ts';
import type { JobShares } from './job-shares.ts';
import { createLocalChannel } from './live-channel.ts';
import { createLocalQueue } from './local-queue.ts';

/**
 * Opens the jobs of a daemon that is alone, in files of the data folder that survive a power cut. A damaged one loses
 * its job, and no other.
 *
 * @throws {MetadataStoreError} when they cannot be kept: jobs that would be forgotten are not taken
 */
export async function openLocalJobs({
  config: { dataDir },
  folder,
  shares,
}: {
  readonly config: Pick<ServerConfig, 'dataDir'>;
  readonly folder: FolderHealth;
  readonly shares: JobShares;
}): Promise<JobBackend> {
  const backend = await openFileBackend({ folder: join(dataDir, 'jobs', 'store'), isDurable: true });
  const { hurried, patient } = folderBackends(backend, folder);
  return {
    isShared: false,
    store: createJobStore(hurried),
    workStore: createJobStore(patient),
    queue: createLocalQueue({ shares }),
    channel: createLocalChannel(),
    roster: createLocalRoster(),
  };
}
