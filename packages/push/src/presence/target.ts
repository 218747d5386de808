import type { Repository } from '@slipway/registry-client';
import type { PushEvent } from '../events.ts';
import type { BlobIdentity } from '../form/form.ts';
import type { UploadShapes } from '../upload/upload-shapes.ts';
import type { BlobMemory } from './blob-memory.ts';

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
  readonly memory: BlobMemory;
  /** How the registry takes uploads, as far as that has shown. */
  readonly shapes: UploadShapes;
  /** What is known to be in the repository, by blob key: docker's `remoteLayers`. */
  readonly present: Map<string, BlobIdentity>;
  /** What the repository's own manifests say of our diffIDs. */
  readonly learnt: Map<string, BlobIdentity>;
  readonly emit: (event: PushEvent) => void;
}

/** How a blob came to be in the repository. */
export type BlobOutcome =
  | { readonly kind: 'existed'; readonly identity: BlobIdentity; readonly learnt: boolean }
  | { readonly kind: 'mounted'; readonly identity: BlobIdentity; readonly from: string }
  | { readonly kind: 'pushed'; readonly identity: BlobIdentity }
  | { readonly kind: 'skipped' };
