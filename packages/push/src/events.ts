import { assertMembers, aText } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import type { DecisionReason } from './presence/decision-reason.ts';

/** What a blob is to the image that needs it. */
export type BlobRole = 'layer' | 'config' | 'blob';

/** What an event may say in place of docker's usual words: pushes to registries of old had others. */
interface Worded {
  /** Empty where docker says nothing. @default the usual words */
  readonly words?: string | undefined;
}

/** One blob on its way to one repository. */
export interface BlobSubject {
  /** Familiar name of the repository it goes to: `127.0.0.1:5000/demo/app`. */
  readonly destination: string;
  readonly role: BlobRole;
  /** Short id for people: 12 hex digits of the diffID (layers) or of the digest. */
  readonly id: string;
  /** Equal keys are one blob within a destination: the digest where the bytes are given, else the diffID. */
  readonly key: Digest;
}

/** What would be done about one blob, as a dry run tells it. */
export interface PlannedBlob {
  readonly role: BlobRole;
  readonly action: 'exists' | 'mount' | 'upload' | 'skip';
  readonly reason: DecisionReason;
  /** Path of the repository that it would be mounted from. */
  readonly from: string | undefined;
  readonly digest: Digest;
  /** Bytes as they would be sent. */
  readonly size: number;
}

/** Numbers of one destination's push. */
export interface PushTotals {
  readonly existed: number;
  readonly mounted: number;
  readonly uploaded: number;
  readonly skipped: number;
  /** Dry run: compressed bytes that would be sent. 0 for a push. */
  readonly bytesToSend: number;
  /** Compressed bytes handed to the registry, repeats after a failure included. */
  readonly bytesSent: number;
}

/**
 * Everything a push tells its caller, in order. Counters are totals, never deltas, so a listener may drop any event.
 * Texts of `describeEvent` are those of docker push.
 */
export type PushEvent =
  /** `repository` is the canonical name, with its domain. */
  | { readonly type: 'push:started'; readonly destination: string; readonly repository: string }
  | { readonly type: 'blob:preparing'; readonly blob: BlobSubject }
  | { readonly type: 'blob:waiting'; readonly blob: BlobSubject }
  /**
   * `sent` counts bytes as they go over the wire; `size` is their total, `undefined` while compression still runs, when
   * `read` of `readTotal` source bytes tells how far it is: `progressShare` makes one number of it. `sent` goes back
   * when an upload starts again.
   */
  | {
      readonly type: 'blob:progress';
      readonly blob: BlobSubject;
      readonly sent: number;
      readonly size: number | undefined;
      readonly read: number;
      readonly readTotal: number;
    }
  | {
      readonly type: 'blob:retrying';
      readonly blob: BlobSubject;
      readonly attempt: number;
      /** Counts down once a second. */
      readonly seconds: number;
      readonly cause: Error;
    }
  /**
   * Everything was sent, and `registry` has been silent for so many whole `seconds`: it stores what it has. Told once a
   * second, from the fifth on.
   */
  | {
      readonly type: 'blob:storing';
      readonly blob: BlobSubject;
      readonly registry: string;
      readonly seconds: number;
    }
  /**
   * An upload that was interrupted goes on: `offset` of `size` bytes (undefined while compression still runs) need not
   * be sent again.
   */
  | {
      readonly type: 'blob:resumed';
      readonly blob: BlobSubject;
      readonly offset: number;
      readonly size: number | undefined;
    }
  | ({
      readonly type: 'blob:existed';
      readonly blob: BlobSubject;
      readonly digest: Digest;
      readonly size: number;
      readonly learnt: boolean;
    } & Worded)
  /** `from` is the path within the same registry. */
  | {
      readonly type: 'blob:mounted';
      readonly blob: BlobSubject;
      readonly digest: Digest;
      readonly size: number;
      readonly from: string;
    }
  | ({
      readonly type: 'blob:pushed';
      readonly blob: BlobSubject;
      readonly digest: Digest;
      readonly size: number;
    } & Worded)
  /** A step that only pushes to registries of old have, in docker's words. */
  | { readonly type: 'blob:message'; readonly blob: BlobSubject; readonly text: string }
  /** The same, of no single blob. */
  | { readonly type: 'message'; readonly destination: string; readonly text: string }
  | { readonly type: 'blob:skipped'; readonly blob: BlobSubject; readonly reason: 'foreign' }
  /** Dry run: what would happen to this blob. */
  | {
      readonly type: 'blob:planned';
      readonly blob: BlobSubject;
      readonly action: PlannedBlob['action'];
      readonly reason: DecisionReason;
      readonly from: string | undefined;
      readonly digest: Digest;
      readonly size: number;
    }
  /** A child of an index went up; it has no tag. */
  | ({
      readonly type: 'manifest:pushed';
      readonly destination: string;
      readonly tag: string | undefined;
      readonly digest: Digest;
      readonly size: number;
      readonly mediaType: string;
      readonly unchanged: boolean;
    } & Worded)
  /**
   * A manifest was sent, and `registry` has been silent for so many whole `seconds`. Told once a second, from the fifth
   * on.
   */
  | {
      readonly type: 'manifest:storing';
      readonly destination: string;
      readonly tag: string | undefined;
      readonly digest: Digest;
      readonly registry: string;
      readonly seconds: number;
    }
  | {
      readonly type: 'manifest:planned';
      readonly destination: string;
      readonly tag: string | undefined;
      readonly digest: Digest;
      readonly size: number;
      readonly mediaType: string;
      readonly unchanged: boolean;
    }
  /** Something was worked around; the push goes on. */
  | {
      readonly type: 'warning';
      readonly destination: string | undefined;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly type: 'push:finished';
      readonly destination: string;
      readonly tag: string | undefined;
      readonly digest: Digest;
      readonly totals: PushTotals;
    }
  | {
      readonly type: 'push:failed';
      readonly destination: string;
      readonly tag: string | undefined;
      readonly error: Error;
    };

/** The event in docker push's own words; undefined for events docker does not speak of. */
export function describeEvent(event: PushEvent): string | undefined {
  assertMembers('event', event, { required: { type: aText } });
  switch (event.type) {
    case 'push:started':
      return `The push refers to repository [${event.repository}]`;
    case 'blob:preparing':
      return `${event.blob.id}: Preparing`;
    case 'blob:waiting':
      return `${event.blob.id}: Waiting`;
    case 'blob:progress':
      return `${event.blob.id}: Pushing`;
    case 'blob:retrying':
      return (
        `${event.blob.id}: Retrying in ${event.seconds} ${event.seconds === 1 ? 'second' : 'seconds'}: ` +
        `${event.cause.message}`
      );
    case 'blob:storing':
      return `${event.blob.id}: Waiting for ${event.registry} to store it, ${event.seconds} s`;
    case 'blob:resumed':
      return `${event.blob.id}: Resuming at ${event.offset}${ofAll(event.size)} bytes`;
    case 'blob:existed':
      return wordsOf(event.blob.id, event.words ?? 'Layer already exists');
    case 'blob:mounted':
      return `${event.blob.id}: Mounted from ${event.from}`;
    case 'blob:pushed':
      return wordsOf(event.blob.id, event.words ?? 'Pushed');
    case 'blob:message':
      return `${event.blob.id}: ${event.text}`;
    case 'message':
      return event.text;
    case 'blob:skipped':
      return `${event.blob.id}: Skipped foreign layer`;
    case 'blob:planned':
      return `${event.blob.id}: ${describePlan(event)}`;
    case 'manifest:pushed':
      return wordsOf(event.tag ?? event.digest, event.words ?? `digest: ${event.digest} size: ${event.size}`);
    case 'manifest:storing':
      return `${event.tag ?? event.digest}: Waiting for ${event.registry} to store it, ${event.seconds} s`;
    case 'manifest:planned':
      return (
        `${event.tag ?? event.digest}: would be digest: ${event.digest} size: ` +
        `${event.size}${event.unchanged ? ' (already there)' : ''}`
      );
    case 'warning':
      return `Warning: ${event.message}`;
    case 'push:finished':
    case 'push:failed':
      return undefined;
    default:
      return event satisfies never;
  }
}

function wordsOf(subject: string, words: string): string | undefined {
  return words === '' ? undefined : `${subject}: ${words}`;
}

function describePlan(event: Extract<PushEvent, { type: 'blob:planned' }>): string {
  switch (event.action) {
    case 'exists':
      return 'Layer already exists';
    case 'mount':
      return `Would be mounted from ${event.from}`;
    case 'upload':
      return `Would upload ${event.size} bytes`;
    case 'skip':
      return 'Skipped foreign layer';
    default:
      return event.action satisfies never;
  }
}

function ofAll(size: number | undefined): string {
  return size === undefined ? '' : ` of ${size}`;
}
