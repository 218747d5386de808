import { join } from 'node:path';
import { openFileBackend } from '@slipway/metadata-store';
import type { Logger } from 'pino';
import type { ServerConfig } from '../../config/server-config.ts';
import type { FolderHealth } from '../../engine/folder/folder-health.ts';
import { createJobStore, damageTeller } from '../record/job-store.ts';
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
  log,
}: {
  readonly config: Pick<ServerConfig, 'dataDir'>;
  readonly folder: FolderHealth;
  readonly shares: JobShares;
  readonly log: Logger;
}): Promise<JobBackend> {
  const place = join(dataDir, 'jobs', 'store');
  const backend = await openFileBackend({ folder: place, isDurable: true });
  const onDamaged = damageTeller(log, (name) => join(place, name));
  const { hurried, patient } = folderBackends(backend, folder);
  return {
    isShared: false,
    store: createJobStore(hurried, { onDamaged }),
    workStore: createJobStore(patient, { onDamaged }),
    queue: createLocalQueue({ shares }),
    channel: createLocalChannel(),
    roster: createLocalRoster(),
  };
}
