import type { AbortOptions, FormNotes } from '@slipway/digest';
import type { AvailableOptions, BlobIdentity } from '../form.ts';
import type { FormBytes, Moved } from '../form-bytes.ts';
import type { FormFailure } from '../form-failure.ts';

/**
 * One way to come by the compressed bytes of a layer. What fails, fails with a {@link FormFailure} or {@link Moved}.
 */
export interface Run {
  /** Resolves when all bytes are made. One computation, however many ask. */
  identify(): Promise<BlobIdentity>;
  /** As {@link FormBytes.available}. */
  available(atLeast: number, options: AvailableOptions): Promise<number | undefined>;
  /** Takes hold of the bytes. */
  take(options: AbortOptions): Promise<FormBytes>;
  /** Resolves when nothing of it runs any more, well or not. */
  settled(): Promise<unknown>;
}

/** Whoever began a run: hears of its end before anybody else does. */
export interface RunOwner {
  /** All bytes are made. */
  made(identity: BlobIdentity, notes?: FormNotes | undefined): void;
  /** The bytes are kept, and nobody holds them: a run that holds nothing takes the place of the one that made them. */
  kept(run: Run): void;
  /** The run is of no use any more. */
  failed(error: FormFailure | Moved): void;
}
