import type { ImageStore } from '@slipway/image-store';
import type { ServerConfig } from '../config/server-config.ts';
import type { Activity } from '../engine/activity.ts';
import { isDiskFull } from '../engine/folder/disk-full.ts';
import { FolderHangs, type FolderHealth } from '../engine/folder/folder-health.ts';
import { freeBytesOf } from '../engine/folder/free-bytes.ts';
import { tryFolder } from '../engine/folder/try-folder.ts';
import type { SharedState } from '../jobs/queue/redis/open-shared-state.ts';

export interface ReadinessNeeds {
  readonly activity: Pick<Activity, 'isClosing'>;
  readonly store: Pick<ImageStore, 'diskUsage'>;
  readonly shared: Pick<SharedState, 'fault'> | undefined;
  readonly config: Pick<ServerConfig, 'dataDir' | 'minFree'>;
  readonly folder: FolderHealth;
}

/** What keeps the daemon from working, one sentence each; nothing when it is ready. */
export async function readinessOf({
  activity,
  store,
  shared,
  config,
  folder,
}: ReadinessNeeds): Promise<readonly string[]> {
  if (activity.isClosing) return ['shutting down'];
  const looks = async (): Promise<readonly (string | undefined)[]> =>
    await Promise.all([
      faultOf('the image store cannot be used', async () => {
        await store.diskUsage();
        return true;
      }),
      diskFault(config),
    ]);
  const faults = [...(await whileUp(folder, looks, (hangs) => [hangs.message])), shared?.fault];
  return faults.filter((fault) => fault !== undefined);
}

/** Written to, as nothing else tells of quotas and of disks that have become read-only. */
async function diskFault({ dataDir, minFree }: ReadinessNeeds['config']): Promise<string | undefined> {
  try {
    if ((await freeBytesOf(dataDir)) < minFree) return 'the disk is full';
    await tryFolder(dataDir);
    return undefined;
  } catch (error) {
    return isDiskFull(error) ? 'the disk is full' : 'the data folder cannot be written';
  }
}

/** Looks, unless the folder hangs: then nothing more is asked of it. */
export async function whileUp<T>(
  folder: FolderHealth,
  look: () => Promise<T>,
  otherwise: (hangs: FolderHangs) => T,
): Promise<T> {
  try {
    return await folder.ask(look);
  } catch (error) {
    if (error instanceof FolderHangs) return otherwise(error);
    throw error;
  }
}

async function faultOf(fault: string, isRight: () => Promise<boolean>): Promise<string | undefined> {
  return await isRight().then(
    (right) => (right ? undefined : fault),
    () => fault,
  );
}
