import type { AbortOptions } from '@slipway/digest';
import type { Repository } from '@slipway/registry-client';
import type { PushEvent } from '../events.ts';
import type { BlobMemory } from './memory.ts';
import type { Presence } from './presence.ts';

/** One repository, reached through one endpoint, during one push. */
export interface Target {
  readonly repository: Repository;
  /** Canonical name with its domain. */
  readonly name: string;
  /** Familiar name, as events say it. */
  readonly destination: string;
  readonly hmacKey: Uint8Array | undefined;
  readonly hasAuthInfo: boolean;
  /** Foreign layers are uploaded too. */
  readonly allowNondistributable: boolean;
  /** What earlier pushes have recorded. */
  readonly memory: BlobMemory;
  /** What this push knows. */
  readonly presence: Presence;
  /** Runs a question that changes nothing; a busy registry is waited for as it asks, by everybody who talks to it. */
  ask<T>(question: (repository: Repository) => Promise<T>, options: AbortOptions): Promise<T>;
  readonly emit: (event: PushEvent) => void;
}

/** Tells what a user should know of a push to this repository. */
export function warn({ emit, destination }: Pick<Target, 'emit' | 'destination'>, code: string, message: string): void {
  emit({ type: 'warning', destination, code, message });
}
