import type { AbortOptions, Digest } from '@slipway/digest';
import type { FormReader } from '../form/form.ts';
import type { SendProgress } from '../upload/send.ts';

/** What survives from one attempt at a blob to the next. */
export class BlobAttempts implements AsyncDisposable {
  /** Digests whose presence was asked for; a retry does not ask again. */
  readonly checked: Set<Digest> = new Set();
  /** Mounts from other repositories were tried, and declined. */
  mountsTried = false;
  /**
   * Sessions that a declined mount left open cannot be trusted everywhere (Nexus: sonatype/nexus-public#967): after a
   * failure in one, none is used.
   */
  mountsTrusted = true;
  /** Everything was sent, and no word came back: the registry may have it. */
  mayBeThere = false;
  /** An upload could not be taken up though the registry may still have it: it is asked once more. */
  resumeFailed = false;
  /** Uploads that were cut off in a row: the registry has acknowledged nothing new in between. */
  cutsInARow = 0;
  /** The most bytes that the registry has acknowledged so far, of whichever session. */
  furthest = 0;
  /** Reads the blob for this repository: what one attempt has read and proven, the next need not read again. */
  reader: FormReader | undefined;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader?.[Symbol.asyncDispose]();
  }
}

export interface BlobAttemptOptions extends AbortOptions {
  readonly attempts: BlobAttempts;
  readonly learn: 'prove' | 'verify' | 'trust' | 'off';
  readonly onProgress: (progress: SendProgress) => void;
  /** Told once a second while the registry has everything and is silent. */
  readonly onStoring: (seconds: number) => void;
  /** Told how many bytes the registry has acknowledged. */
  readonly onAcknowledged: (offset: number) => void;
}
