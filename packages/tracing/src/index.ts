/**
 * Spans for OpenTelemetry that never fail what they are about. Without an SDK in the process nothing is recorded, and
 * nothing is sent.
 *
 * @packageDocumentation
 */
export { inCurrentTrace } from './in-current-trace.ts';
export type { SpanAttributes, SpanOptions, TracedSpan } from './span.ts';
export { currentTrace, parseTraceContext, type TraceContext } from './trace-context.ts';
export { traceHeaders } from './trace-headers.ts';
export { createTracer, type Tracer } from './tracer.ts';
