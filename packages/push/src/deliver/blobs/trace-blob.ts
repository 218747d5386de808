import type { SpanAttributes } from '@slipway/tracing';
import { codeOf } from '../../error-code.ts';
import type { BlobSubject, PushEvent } from '../../events.ts';
import type { BlobToPush } from '../../plan/blob-to-push.ts';
import type { BlobOutcome } from '../../presence/outcome.ts';
import type { Target } from '../../presence/target.ts';
import { TotalsCounter } from '../../totals.ts';
import { tracer } from '../../tracer.ts';

/** What a trace wants to hear of one blob's way into one repository. */
export interface BlobTrace {
  /** The target; what it is told of the blob counts for the trace too. */
  readonly target: Target;
  /** Another push sends the blob, and this one waits for that. */
  joined(): void;
}

/** A span around the work on one blob: what became of it and why, how large it is, what was sent. */
export async function traceBlob(
  blob: BlobToPush,
  { key }: BlobSubject,
  target: Target,
  work: (trace: BlobTrace) => Promise<BlobOutcome>,
): Promise<BlobOutcome> {
  const attributes = { 'slipway.repository': target.name, 'slipway.blob.role': blob.role, 'slipway.blob.id': blob.id };
  return await tracer.span(`push ${blob.role}`, { attributes }, async (span) => {
    const totals = new TotalsCounter();
    let attempt = 0;
    let isJoined = false;
    const emit = (event: PushEvent): void => {
      if ('blob' in event && event.blob.key === key) totals.count(event);
      if (event.type === 'blob:waiting') span.event('waiting');
      // Told once a second, of each wait.
      if (event.type === 'blob:retrying' && event.attempt !== attempt) {
        attempt = event.attempt;
        span.event('retry', { 'slipway.attempt': attempt, 'error.type': codeOf(event.cause) ?? event.cause.name });
      }
      target.emit(event);
    };
    const joined = (): void => {
      isJoined = true;
      span.set({ 'slipway.blob.joined': true });
    };
    try {
      const outcome = await work({ target: { ...target, emit }, joined });
      span.set(told(outcome));
      return outcome;
    } finally {
      span.set({ 'slipway.bytes_sent': isJoined ? 0 : totals.now().bytesSent });
    }
  });
}

function told(outcome: BlobOutcome): SpanAttributes {
  const reason = reasons[outcome.kind];
  if (outcome.kind === 'skipped') return { 'slipway.reason': reason };
  const { digest, size } = outcome.identity;
  const from = outcome.kind === 'mounted' ? outcome.from : undefined;
  return {
    'slipway.reason': reason,
    'slipway.digest': digest,
    'slipway.size': size,
    'slipway.blob.mounted_from': from,
  };
}

const reasons: Readonly<Record<BlobOutcome['kind'], string>> = {
  existed: 'exists',
  mounted: 'mounted',
  pushed: 'sent',
  skipped: 'foreign',
};
