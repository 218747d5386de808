/**
 * Records what a process traces, with the SDK of OpenTelemetry.
 *
 * @packageDocumentation
 */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** A span that has ended. */
export interface RecordedSpan {
  readonly name: string;
  /** `client`, `server`, … */
  readonly kind: string;
  readonly traceID: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** What its status says, where it has failed. */
  readonly error: string | undefined;
}

/** What is traced while it is in scope. One at a time in a process. */
export interface TraceRecording extends Disposable {
  /** Spans that have ended, in that order. */
  spans(): readonly RecordedSpan[];
  /** The names on the way from a span to the root of its trace, itself first. */
  way(span: RecordedSpan): readonly string[];
}

/** Registers an SDK for this process, with all that is usual, and takes it back when the scope is left. */
export function recordTraces(): TraceRecording {
  const exporter = new InMemorySpanExporter();
  const manager = new AsyncLocalStorageContextManager().enable();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  const isRegistered =
    context.setGlobalContextManager(manager) &&
    trace.setGlobalTracerProvider(provider) &&
    propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
  if (!isRegistered) throw new Error('another SDK is registered in this process');
  const spans = (): readonly RecordedSpan[] => exporter.getFinishedSpans().map(recorded);
  return {
    spans,
    way(span) {
      const byID = new Map(spans().map((each) => [each.id, each]));
      const names: string[] = [];
      for (let at: RecordedSpan | undefined = span; at !== undefined; at = byID.get(at.parent ?? ''))
        names.push(at.name);
      return names;
    },
    [Symbol.dispose]() {
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

function recorded(span: ReadableSpan): RecordedSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: (SpanKind[span.kind] ?? '').toLowerCase(),
    traceID: traceId,
    id: spanId,
    parent: span.parentSpanContext?.spanId,
    attributes: span.attributes,
    events: span.events.map(({ name, attributes = {} }) => ({ name, attributes })),
    error: span.status.code === SpanStatusCode.ERROR ? span.status.message : undefined,
  };
}
