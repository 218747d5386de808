import type { TrustKey } from '@slipway/manifest/schema1';
import type { Manifest } from '../../plan/plan-types.ts';
import type { RecordsByKey } from '../../presence/records.ts';
import type { ImageSignature, PushSigning } from '../../sign/signer.ts';
import type { Delivery } from '../delivery.ts';

/** How the tags of one repository are signed. */
export interface TagSigning extends Pick<PushSigning, 'signer'> {
  /** What the image is said to be, by tag. */
  readonly identities: ReadonlyMap<string, string>;
}

/** The delivery of one item to one repository, under one or more tags. */
export interface TagDelivery extends Delivery {
  /** Tags, and digests for what goes up without one. */
  readonly tags: readonly string[];
  readonly learnFrom: string | undefined;
  readonly dryRun: boolean;
  /** Whether a manifest is refused whose `subject` the repository does not have; else that is told. */
  readonly requireSubject: boolean;
  /** Whether a refused Docker manifest stays refused. @default true */
  readonly requireSchema2?: boolean | undefined;
  /** Signs schema 1 manifests. @default a new key */
  readonly trustKey?: (() => Promise<TrustKey>) | undefined;
  /** What is recorded of the blobs, where it was looked up already. @default looked up when it is needed */
  readonly records?: Promise<RecordsByKey> | undefined;
  /** @default nothing is signed */
  readonly signing?: TagSigning | undefined;
}

/** How one tag ended. */
export type TagResult =
  | {
      readonly tag: string;
      readonly manifest: Manifest;
      readonly unchanged: boolean;
      /** Undefined where nothing is signed. */
      readonly signatures?: readonly ImageSignature[] | undefined;
    }
  | { readonly tag: string; readonly error: Error };
