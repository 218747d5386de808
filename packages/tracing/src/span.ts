import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { harmless } from './harmless.ts';
import { isTraced } from './is-traced.ts';
import { contextOf, type TraceContext } from './trace-context.ts';
import { within } from './within.ts';

/** What is known of a span. What is undefined is left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** How a span begins. */
export interface SpanOptions {
  readonly attributes?: SpanAttributes | undefined;
  /** Whom it talks to, or works for. @default 'internal' */
  readonly kind?: 'internal' | 'server' | 'client' | 'consumer' | undefined;
  /** What it belongs to; `none` begins a trace. @default the span that is under way */
  readonly parent?: TraceContext | 'none' | undefined;
  /** Milliseconds since 1970. @default now */
  readonly startTime?: number | undefined;
}

/** One piece of work, as a trace shows it. Nothing of it ever throws. */
export interface TracedSpan {
  /** 32 hex digits; undefined where nothing is traced. */
  readonly traceID: string | undefined;
  /** Gives it a better name, where that is known only later. */
  rename(name: string): void;
  /** Adds to what is known. */
  set(attributes: SpanAttributes): void;
  /** Notes what happens in between. */
  event(name: string, attributes?: SpanAttributes): void;
  /** Marks it as failed, by the code of an error or a name; never by its message. */
  fail(error: unknown): void;
  /** Works in this span: what begins meanwhile belongs to it. What the work throws comes through. */
  run<T>(work: () => T): T;
  /**
   * Once. What comes later is lost.
   * @param time milliseconds since 1970. @default now
   */
  end(time?: number): void;
}

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

/** Where nobody makes spans, and no trace of somewhere else is to be gone on with. */
const untold: TracedSpan = Object.freeze({
  traceID: undefined,
  rename: () => {},
  set: () => {},
  event: () => {},
  fail: () => {},
  run: <T>(work: () => T): T => work(),
  end: () => {},
});

/** @param tracer name of the part that makes it */
export function beginSpan(tracer: string, name: string, options: SpanOptions): TracedSpan {
  const { attributes = {}, kind = 'internal', parent, startTime } = options;
  if (parent === undefined && !isTraced()) return untold;
  const outer = harmless(() => parentOf(parent));
  const span = harmless(() =>
    trace.getTracer(tracer).startSpan(
      name,
      {
        kind: kinds[kind],
        attributes: known(attributes),
        root: parent === 'none',
        ...(startTime !== undefined && { startTime: new Date(startTime) }),
      },
      outer,
    ),
  );
  const inner = span && outer && harmless(() => trace.setSpan(outer, span));
  return { ...tellerOf(span), run: (work) => (inner === undefined ? work() : within(inner, work)) };
}

function parentOf(parent: SpanOptions['parent']): Context {
  if (parent === 'none') return trace.deleteSpan(context.active());
  return parent === undefined ? context.active() : contextOf(parent);
}

function tellerOf(span: Span | undefined): Omit<TracedSpan, 'run'> {
  const found = harmless(() => span?.spanContext());
  return {
    traceID: found !== undefined && trace.isSpanContextValid(found) ? found.traceId : undefined,
    rename: (name) => void harmless(() => span?.updateName(name)),
    set: (attributes) => void harmless(() => span?.setAttributes(known(attributes))),
    event: (name, attributes = {}) => void harmless(() => span?.addEvent(name, known(attributes))),
    fail(error) {
      const type = typeOf(error);
      harmless(() => span?.setAttribute('error.type', type));
      harmless(() => span?.setStatus({ code: SpanStatusCode.ERROR, message: type }));
    },
    end: (time) => void harmless(() => span?.end(time === undefined ? undefined : new Date(time))),
  };
}

/** A code says more than a class; messages are for people, and may quote what a server said. */
function typeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : '_OTHER';
}

function known(attributes: SpanAttributes): Record<string, string | number | boolean | string[]> {
  const found = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, typeof value === 'object' ? [...value] : value] as const],
  );
  return Object.fromEntries(found);
}
