import { aFunction, assertArgument, aText } from '@slipway/arguments';
import { beginSpan, type SpanOptions, type TracedSpan } from './span.ts';

/** Makes the spans of one part of a program. */
export interface Tracer {
  /** Begins a span, which has to be ended. */
  begin(name: string, options?: SpanOptions): TracedSpan;
  /** A span around work: it ends with it, and has failed where that rejects. */
  span<T>(name: string, options: SpanOptions, work: (span: TracedSpan) => Promise<T>): Promise<T>;
}

/**
 * Makes spans with the SDK that the process has registered; where there is none, they are nothing.
 *
 * @param name of the part whose spans these are: that of its package
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function createTracer(name: string): Tracer {
  assertArgument('name', name, aText);
  return {
    begin: (spanName, options = {}) => beginSpan(name, spanName, options),
    async span(spanName, options, work) {
      assertArgument('work', work, aFunction);
      const span = beginSpan(name, spanName, options);
      try {
        return await span.run(() => work(span));
      } catch (error) {
        span.fail(error);
        throw error;
      } finally {
        span.end();
      }
    },
  };
}
