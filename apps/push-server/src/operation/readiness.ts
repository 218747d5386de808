import type { ImageStore } from '@slipway/image-store';
import type { ServerConfig } from '../config/server-config.ts';
import type { Activity } from '../engine/activity.ts';
import { freeBytesOf } from '../engine/free-bytes.ts';
import type { SharedState } from '../jobs/queue/redis/open-shared-state.ts';

export interface ReadinessNeeds {
  readonly activity: Pick<Activity, 'isClosing'>;
  readonly store: Pick<ImageStore, 'diskUsage'>;
  readonly shared: Pick<SharedState, 'isUp'> | undefined;
  readonly config: Pick<ServerConfig, 'dataDir' | 'minFree'>;
}

/** A disk that hangs must not make the answer hang. */
const timeoutMs = 2_000;

/** What keeps the daemon from working, one sentence each; nothing when it is ready. */
export async function readinessOf({ activity, store, shared, config }: ReadinessNeeds): Promise<readonly string[]> {
  if (activity.isClosing) return ['shutting down'];
  const faults = await Promise.all([
    faultOf('the image store cannot be used', async () => {
      await store.diskUsage();
      return true;
    }),
    faultOf('the disk is full', async () => {
      return (await freeBytesOf(config.dataDir)) >= config.minFree;
    }),
  ]);
  if (shared?.isUp === false) faults.push('Redis does not answer');
  return faults.filter((fault) => fault !== undefined);
}

async function faultOf(fault: string, isRight: () => Promise<boolean>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${fault}: it does not answer`), timeoutMs);
  });
  const found = isRight().then(
    (right) => (right ? undefined : fault),
    () => fault,
  );
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}
