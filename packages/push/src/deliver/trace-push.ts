import { formatReference } from '@slipway/reference';
import type { TracedSpan } from '@slipway/tracing';
import { codeOf } from '../error-code.ts';
import type { ResolvedPushOptions } from '../options.ts';
import type { PushDelivery, PushResult } from '../push.ts';
import { tracer } from '../tracer.ts';

type Results = readonly (readonly PushResult[])[];

/** A span around a push: where it goes, and how each destination ends. It has failed where one of them has. */
export async function tracePush(
  deliveries: readonly PushDelivery[],
  { dryRun }: ResolvedPushOptions,
  work: () => Promise<Results>,
): Promise<Results> {
  const destinations = deliveries.flatMap((each) =>
    each.destinations.map(({ reference }) => formatReference(reference)),
  );
  const attributes = { 'slipway.destinations': destinations, 'slipway.dry_run': dryRun || undefined };
  return await tracer.span('push', { attributes }, async (span) => {
    const all = await work();
    for (const result of all.flat()) tell(span, result);
    span.set({ 'slipway.bytes_sent': all.flat().reduce((sum, { totals }) => sum + totals.bytesSent, 0) });
    return all;
  });
}

function tell(span: TracedSpan, result: PushResult): void {
  const { reference, totals } = result;
  const common = { 'slipway.reference': formatReference(reference), 'slipway.bytes_sent': totals.bytesSent };
  if (!result.ok) {
    span.event('destination failed', { ...common, 'error.type': codeOf(result.error) ?? result.error.name });
    span.fail(result.error);
    return;
  }
  const { digest, mediaType, size, unchanged } = result;
  span.event('destination reached', {
    ...common,
    'slipway.digest': digest,
    'slipway.media_type': mediaType,
    'slipway.size': size,
    'slipway.reason': unchanged ? 'exists' : 'sent',
  });
}
