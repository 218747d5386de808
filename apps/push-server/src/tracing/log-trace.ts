import { currentTrace } from '@slipway/tracing';

/** What a line of the log says of the trace that it belongs to. */
export function logTrace(): { readonly traceId?: string } {
  const traceId = currentTrace()?.traceparent.split('-')[1];
  return traceId === undefined ? {} : { traceId };
}
