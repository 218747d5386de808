import type { TrustKey } from '@slipway/manifest/schema1';
import type { Manifest } from '../plan/plan-types.ts';
import type { Delivery } from './delivery.ts';

/** The delivery of one item to one repository, under one or more tags. */
export interface TagDelivery extends Delivery {
  readonly tags: readonly string[];
  readonly learnFrom: string | undefined;
  readonly dryRun: boolean;
  /** Whether a refused Docker manifest stays refused. @default true */
  readonly requireSchema2?: boolean | undefined;
  /** Signs schema 1 manifests. @default a new key */
  readonly trustKey?: (() => Promise<TrustKey>) | undefined;
}

/** How one tag ended. */
export type TagResult =
  | { readonly tag: string; readonly manifest: Manifest; readonly unchanged: boolean }
  | { readonly tag: string; readonly error: Error };
