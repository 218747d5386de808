import type { ClientEnvironment } from '@slipway/client';
import type { ImageStore } from '@slipway/image-store';
import type { LayerCache } from '@slipway/layer-cache';
import type { MetadataStore } from '@slipway/metadata-store';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { JobShares } from '../jobs/queue/job-shares.ts';
import type { SharedState } from '../jobs/queue/redis/open-shared-state.ts';
import type { Metrics } from '../operation/metrics.ts';
import type { PushBoard } from '../page/push-board.ts';
import type { AuditLog } from '../security/audit.ts';
import type { Egress } from '../security/egress.ts';
import type { Gatekeeper } from '../security/gatekeeper.ts';
import type { TokenStore } from '../security/token-store.ts';
import type { Tracing } from '../tracing/open-tracing.ts';
import type { Activity } from './activity.ts';
import type { EventLog } from './event-log.ts';
import type { FairTransfers } from './fair-transfers.ts';
import type { DiskKeeper } from './folder/disk-space.ts';
import type { FolderHealth } from './folder/folder-health.ts';
import type { SpaceReserve } from './folder/space-reserve.ts';
import type { PushService } from './push-service.ts';
import type { RegistryClients } from './registry-clients.ts';

/** Everything the daemon works with. A route names what it needs of it. Leaving scope closes what was opened. */
export interface EngineContext extends AsyncDisposable {
  readonly config: ServerConfig;
  readonly environment: ClientEnvironment;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly tokens: TokenStore;
  /** Finds out who asks. */
  readonly gatekeeper: Gatekeeper;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly events: EventLog;
  readonly store: ImageStore;
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
  /** Slots of all uploads; pushes go through {@link pushes}. */
  readonly transfers: FairTransfers;
  /** Places in which push jobs are worked on. */
  readonly jobShares: JobShares;
  /** The ways to registries, in somebody's name. */
  readonly clients: RegistryClients;
  /** Where connections may lead. */
  readonly egress: Egress;
  readonly pushes: PushService;
  /** What the status page shows of pushes. */
  readonly board: PushBoard;
  /** What is shared with other daemons; undefined for a daemon that is alone. */
  readonly shared: SharedState | undefined;
  readonly disk: DiskKeeper;
  /** For what makes room on a full disk. */
  readonly reserve: SpaceReserve;
  /** Whether the data folder answers. */
  readonly folder: FolderHealth;
  /** What runs now: limited, counted, waited for at shutdown. */
  readonly activity: Activity;
  /** Where archives are spooled; emptied at start. */
  readonly spoolFolder: string;
}
