import { createTracer, type Tracer } from '@slipway/tracing';

/** Makes the spans of pushes. */
export const tracer: Tracer = createTracer('@slipway/push');
