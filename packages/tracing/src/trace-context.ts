import { type Context, createTraceState, isSpanContextValid, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { harmless } from './harmless.ts';

/**
 * Where a trace is continued, as text that outlives the process.
 *
 * @see https://www.w3.org/TR/2021/REC-trace-context-1-20211123/
 */
export interface TraceContext {
  /** `00-`, 32 hex digits of the trace, 16 of the span, two of flags. */
  readonly traceparent: string;
  /** What the systems on the way have noted, 512 characters at most. */
  readonly tracestate?: string | undefined;
}

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const maxStateChars = 512;

/**
 * Reads what somebody else wrote. What is no trace context counts as none, as the specification has it; a state that
 * cannot be read is left out.
 */
export function parseTraceContext(value: unknown): TraceContext | undefined {
  const { traceparent, tracestate } = Object(value) as {
    readonly traceparent?: unknown;
    readonly tracestate?: unknown;
  };
  if (typeof traceparent !== 'string') return undefined;
  const [, traceID = '', spanID = ''] = form.exec(traceparent) ?? [];
  if (!isSpanContextValid({ traceId: traceID, spanId: spanID, traceFlags: 0 })) return undefined;
  const state = stateOf(tracestate);
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** The span that is under way here, for whoever goes on with its trace elsewhere; undefined where there is none. */
export function currentTrace(): TraceContext | undefined {
  const found = harmless(() => trace.getActiveSpan()?.spanContext());
  if (found === undefined || !isSpanContextValid(found)) return undefined;
  const flags = (found.traceFlags & 0xff).toString(16).padStart(2, '0');
  return parseTraceContext({
    traceparent: `00-${found.traceId}-${found.spanId}-${flags}`,
    tracestate: harmless(() => found.traceState?.serialize()),
  });
}

/** What goes on with a trace of somewhere else. */
export function contextOf({ traceparent, tracestate }: TraceContext): Context {
  const [, traceId = '', spanId = '', flags = ''] = form.exec(traceparent) ?? [];
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}

function stateOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > maxStateChars) return undefined;
  return createTraceState(value).serialize() || undefined;
}
