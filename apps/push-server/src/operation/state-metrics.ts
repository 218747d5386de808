import type { EngineContext } from '../engine/engine-context.ts';
import { freeBytesOf } from '../engine/folder/free-bytes.ts';
import { version } from '../version.ts';
import { readinessOf, whileUp } from './readiness.ts';

type StateNeeds = Pick<EngineContext, 'metrics' | 'activity' | 'store' | 'shared' | 'config' | 'disk' | 'folder'>;

/** Has `/metrics` tell what alerts are about: whether the daemon can work, its disk, its Redis, its version. */
export function registerStateMetrics(needs: StateNeeds): void {
  const { metrics, config, disk, shared, folder } = needs;
  const unlessItHangs = (look: () => Promise<number>) => (): Promise<number> => whileUp(folder, look, () => Number.NaN);
  metrics.gauge('slipwayd_ready', '1 while /readyz says that it can work', async () =>
    (await readinessOf(needs)).length === 0 ? 1 : 0,
  );
  metrics.gauge(
    'slipwayd_disk_used_bytes',
    'What counts against the quota',
    unlessItHangs(() => disk.usedBytes()),
  );
  metrics.gauge('slipwayd_disk_quota_bytes', 'The quota, 0 for none', () => config.diskQuota);
  const free = unlessItHangs(() => freeBytesOf(config.dataDir));
  metrics.gauge('slipwayd_disk_free_bytes', 'Free on the disk of the data folder', free);
  metrics.gauge('slipwayd_folder_up', '1 while the data folder answers', () => (folder.isUp ? 1 : 0));
  if (shared !== undefined) {
    const help = '1 while Redis answers and takes writes';
    metrics.gauge('slipwayd_redis_up', help, () => (shared.fault === undefined ? 1 : 0));
  }
  metrics.labelledGauge('slipwayd_build_info', 'Always 1; the version is its label', ['version'], () => [
    { labels: { version }, value: 1 },
  ]);
}
