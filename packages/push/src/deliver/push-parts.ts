import type { Digest } from '@slipway/digest';
import type { LayerRecord } from '@slipway/metadata-store';
import type { PushEvent } from '../events.ts';
import type { Gate } from '../form/gate.ts';
import type { RecentMemory } from '../form/runs/recent-memory.ts';
import type { Notes } from '../notes.ts';
import type { ResolvedPushOptions } from '../options.ts';
import type { PusherOptions } from '../push.ts';
import type { Uploader } from '../upload/uploader.ts';
import type { Turns } from './blobs/turns.ts';
import type { DeliveryRetry } from './delivery.ts';
import type { MakingAhead } from './making-ahead.ts';

/** What all pushes of a pusher share. */
export interface SharedParts extends PusherOptions {
  readonly retry: DeliveryRetry;
  readonly turns: Turns;
  /** For compressions that come before their uploads. */
  readonly gate: Gate;
  /** Layers that pushes have to make, by key and recipe. */
  readonly claimed: Set<string>;
  /** For uploads that keep pace with the compressing of their layers. */
  readonly recentMemory: RecentMemory;
  /** Sends to one registry; what it has shown to take is kept from push to push. */
  uploaderFor(registry: string): Uploader;
}

/** One push: the parts of its pusher, and what its destinations share. */
export interface Push extends SharedParts {
  readonly options: ResolvedPushOptions;
  /** What this push has delivered, to whichever repository. */
  readonly delivered: Map<Digest, LayerRecord[]>;
  /** What it leaves for the next push. */
  readonly notes: Notes;
  /** Undefined where the answers of a registry may save making a layer. */
  readonly ahead: MakingAhead | undefined;
  readonly tell: (event: PushEvent) => void;
}
