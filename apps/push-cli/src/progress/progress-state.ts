import type { BlobSubject, PushEvent } from '@slipway/push';
import { addSample, type RateMeter } from './rate-meter.ts';

/** How far one blob is. `done` phases do not change any more, except that a retry may follow `sending`. */
export type BlobPhase =
  | 'preparing'
  | 'waiting'
  | 'sending'
  | 'storing'
  | 'retrying'
  | 'pushed'
  | 'existed'
  | 'mounted'
  | 'skipped'
  | 'planned';

/** One blob as the screen shows it. */
export interface BlobState {
  readonly subject: BlobSubject;
  phase: BlobPhase;
  /** Compressed bytes on the wire so far, those of an earlier run included. */
  sent: number;
  /** Of these, the bytes that an earlier run had sent. */
  sentBefore: number;
  /** Compressed bytes in all; undefined while compression still runs. */
  size: number | undefined;
  read: number;
  readTotal: number;
  readonly rate: RateMeter;
  /** Why it waits, where it was mounted from, what would be done. */
  detail: string;
  /** It came to an end once; a further tag of the same repository begins it again and finds it there. */
  isSettled: boolean;
}

/** What became of the blobs, each counted at its first end. */
export interface Outcomes {
  pushed: number;
  existed: number;
  mounted: number;
  skipped: number;
  /** Tags that named the manifest already: nobody asked for its blobs. */
  unchanged: number;
  /** Dry run: blobs that would be uploaded. */
  toUpload: number;
  /** Dry run: their compressed bytes. */
  toUploadBytes: number;
  /** Compressed bytes that did not have to be sent. */
  savedBytes: number;
}

/** A manifest that was sent, and whose registry is silent. */
export interface StoringManifest {
  readonly destination: string;
  /** Tag, or the digest of a child. */
  readonly name: string;
  readonly registry: string;
  readonly seconds: number;
}

/** Everything the renderers need to know of a push; changed by {@link applyEvent} alone. */
export interface ProgressState {
  readonly startedAtMs: number;
  /** In the order of their first event. Keys are unique per destination. */
  readonly blobs: Map<string, BlobState>;
  /** Manifests that a silent registry has, and has not answered yet. Keys are unique per destination. */
  readonly storing: Map<string, StoringManifest>;
  /** Familiar repository names, in the order of their first event. */
  readonly destinations: Set<string>;
  /** Bytes sent by all blobs, over time. */
  readonly rate: RateMeter;
  readonly outcomes: Outcomes;
}

export function createProgressState(nowMs: number): ProgressState {
  const outcomes = {
    pushed: 0,
    existed: 0,
    mounted: 0,
    skipped: 0,
    unchanged: 0,
    toUpload: 0,
    toUploadBytes: 0,
    savedBytes: 0,
  };
  return {
    startedAtMs: nowMs,
    blobs: new Map(),
    storing: new Map(),
    destinations: new Set(),
    rate: { samples: [] },
    outcomes,
  };
}

/** Phases after which nothing more is to be done for a blob. */
export function isDone(phase: BlobPhase): boolean {
  return phase === 'pushed' || phase === 'existed' || phase === 'mounted' || phase === 'skipped' || phase === 'planned';
}

/** Adopts one event. Returns the blob it is about, if any, and whether the blob's phase changed. */
export function applyEvent(
  state: ProgressState,
  event: PushEvent,
  nowMs: number,
): { readonly blob: BlobState; readonly changed: boolean } | undefined {
  if (event.type === 'push:started') state.destinations.add(event.destination);
  if (event.type === 'manifest:pushed' && event.tag !== undefined && event.unchanged) state.outcomes.unchanged += 1;
  if (!('blob' in event)) {
    applyStoring(state, event);
    return undefined;
  }
  const known = state.blobs.size;
  const blob = blobOf(state, event.blob);
  const before = state.blobs.size === known ? `${blob.phase} ${blob.detail}` : undefined;
  switch (event.type) {
    case 'blob:preparing':
      blob.phase = 'preparing';
      break;
    case 'blob:waiting':
      blob.phase = 'waiting';
      break;
    case 'blob:progress':
      blob.phase = 'sending';
      blob.detail = '';
      blob.sent = event.sent;
      blob.size = event.size;
      blob.read = event.read;
      blob.readTotal = event.readTotal;
      addSample(blob.rate, event.sent, nowMs);
      addSample(state.rate, bytesSentOf(state), nowMs);
      break;
    case 'blob:resumed':
      resume(state, blob, event.offset, event.size);
      break;
    case 'blob:retrying':
      blob.phase = 'retrying';
      blob.detail = `Retrying in ${event.seconds} s (attempt ${event.attempt}): ${event.cause.message}`;
      break;
    case 'blob:storing':
      blob.phase = 'storing';
      blob.detail = `waiting for ${event.registry} to store it, ${event.seconds} s`;
      break;
    case 'blob:message':
      blob.detail = event.text;
      break;
    case 'blob:existed':
      finish(state, blob, 'existed', event.size, event.learnt ? 'Layer already exists (learnt from the registry)' : '');
      break;
    case 'blob:mounted':
      finish(state, blob, 'mounted', event.size, event.from);
      break;
    case 'blob:pushed':
      blob.sent = Math.max(blob.sent, event.size);
      finish(state, blob, 'pushed', event.size, '');
      break;
    case 'blob:skipped':
      finish(state, blob, 'skipped', undefined, '');
      break;
    case 'blob:planned':
      plan(state, blob, event);
      break;
    default:
      return event satisfies never;
  }
  return { blob, changed: before !== `${blob.phase} ${blob.detail}` };
}

/** The wait for a manifest is over with whatever else is told of its destination. */
function applyStoring({ storing }: ProgressState, event: Exclude<PushEvent, { readonly blob: BlobSubject }>): void {
  const { destination } = event;
  if (event.type === 'manifest:storing') {
    const { tag, digest, registry, seconds } = event;
    const name = tag ?? digest;
    storing.set(`${destination} ${name}`, { destination: event.destination, name, registry, seconds });
    return;
  }
  for (const [key, manifest] of storing) {
    const isOther = 'digest' in event && manifest.name !== (event.tag ?? event.digest);
    if (manifest.destination === destination && !isOther) storing.delete(key);
  }
}

/** Compressed bytes that this run has sent so far, of all blobs. */
export function bytesSentOf(state: ProgressState): number {
  let sum = 0;
  for (const { sent, sentBefore } of state.blobs.values()) sum += sent - sentBefore;
  return sum;
}

/**
 * Share of a blob that is done, 0 to 1; undefined where nobody knows: its source has been read, but compression still
 * holds back some of it.
 */
export function shareOf(blob: BlobState): number | undefined {
  if (isDone(blob.phase)) return 1;
  if (blob.size !== undefined && blob.size > 0) return Math.min(1, blob.sent / blob.size);
  return blob.read < blob.readTotal ? blob.read / blob.readTotal : undefined;
}

/** Compressed size: known, or guessed from what compression made of the part that was read. */
export function expectedSizeOf(blob: BlobState): number | undefined {
  if (blob.size !== undefined) return blob.size;
  if (blob.read <= 0 || blob.sent <= 0 || blob.read >= blob.readTotal) return undefined;
  return Math.max(blob.sent, Math.round((blob.sent / blob.read) * blob.readTotal));
}

function blobOf(state: ProgressState, subject: BlobSubject): BlobState {
  const key = `${subject.destination} ${subject.key}`;
  let blob = state.blobs.get(key);
  if (blob === undefined) {
    blob = {
      subject,
      phase: 'preparing',
      sent: 0,
      sentBefore: 0,
      size: undefined,
      read: 0,
      readTotal: 0,
      rate: { samples: [] },
      detail: '',
      isSettled: false,
    };
    state.blobs.set(key, blob);
    state.destinations.add(subject.destination);
  }
  return blob;
}

function finish(
  { outcomes }: ProgressState,
  blob: BlobState,
  phase: 'pushed' | 'existed' | 'mounted' | 'skipped',
  size: number | undefined,
  detail: string,
): void {
  blob.phase = phase;
  blob.size = size;
  blob.detail = detail;
  if (blob.isSettled) return;
  blob.isSettled = true;
  outcomes[phase] += 1;
  if (phase === 'existed' || phase === 'mounted') outcomes.savedBytes += size ?? 0;
}

/** Bytes that this run sent itself, before its connection broke, are not saved by going on from there. */
function resume({ outcomes }: ProgressState, blob: BlobState, offset: number, size: number | undefined): void {
  const saved = Math.max(0, offset - blob.sent);
  outcomes.savedBytes += saved;
  blob.sentBefore += saved;
  blob.phase = 'sending';
  blob.detail = 'resumed';
  blob.sent = offset;
  blob.size = size;
}

/** A dry run counts as if it were the push: what is there, what would be mounted, what would be sent. */
function plan(state: ProgressState, blob: BlobState, event: Extract<PushEvent, { type: 'blob:planned' }>): void {
  const { outcomes } = state;
  if (event.action === 'upload') {
    if (!blob.isSettled) {
      outcomes.toUpload += 1;
      outcomes.toUploadBytes += event.size;
    }
    blob.isSettled = true;
  } else {
    const phases = { exists: 'existed', mount: 'mounted', skip: 'skipped' } as const;
    finish(state, blob, phases[event.action], event.size, '');
  }
  blob.phase = 'planned';
  blob.size = event.size;
  blob.detail = event.action === 'mount' ? `mount from ${event.from ?? 'another repository'}` : event.action;
}
