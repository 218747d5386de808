import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTracer, currentTrace, inCurrentTrace, parseTraceContext, traceHeaders } from '../src/index.ts';

const tracer = createTracer('test');
const traceID = '0af7651916cd43dd8448eb211c80319c';
const parent = { traceparent: `00-${traceID}-b7ad6b7169203331-01`, tracestate: 'vendor=1' };

describe('without an SDK', () => {
  test('work is done, nothing is told, and there is no trace', async () => {
    const seen = await tracer.span('work', { attributes: { a: 1 } }, async (span) => {
      span.event('x');
      return [span.traceID, currentTrace(), traceHeaders()];
    });
    expect(seen).toEqual([undefined, undefined, {}]);
  });

  test('what work throws comes through, at once or later', async () => {
    const error = new Error('of the work');
    await expect(tracer.span('work', {}, () => Promise.reject(error))).rejects.toBe(error);
    const throwing = (): never => {
      throw error;
    };
    expect(() => tracer.begin('work').run(throwing)).toThrow(error);
    await expect(tracer.span('work', {}, throwing)).rejects.toBe(error);
  });
});

describe('with an SDK', () => {
  const exporter = new InMemorySpanExporter();
  beforeEach(() => {
    exporter.reset();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterEach(() => {
    trace.disable();
    propagation.disable();
    context.disable();
  });

  test('spans are in each other, and say what is known', async () => {
    await tracer.span('outer', { kind: 'consumer', attributes: { list: ['a', 'b'], left: undefined } }, async () => {
      await tracer.span('inner', {}, async (span) => span.event('half', { done: true }));
    });
    const [inner, outer] = exporter.getFinishedSpans();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(inner?.events).toMatchObject([{ name: 'half', attributes: { done: true } }]);
    expect(outer).toMatchObject({ kind: SpanKind.CONSUMER, attributes: { list: ['a', 'b'] } });
    expect(Object.keys(outer?.attributes ?? {})).toEqual(['list']);
  });

  test.each<[string, unknown, string]>([
    ['a code', Object.assign(new Error('user:password'), { code: 'ERR_X' }), 'ERR_X'],
    ['a class without one', new TypeError('user:password'), 'TypeError'],
    ['a word', '503', '503'],
    ['nothing that says anything', undefined, '_OTHER'],
  ])('a failure is told by %s, and never by its message', async (_name, error, type) => {
    await tracer.span('work', {}, () => Promise.reject(error)).catch(() => {});
    const [span] = exporter.getFinishedSpans();
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: type });
    expect(span?.attributes).toEqual({ 'error.type': type });
    expect(JSON.stringify([span?.status, span?.attributes, span?.events])).not.toContain('password');
  });

  test('a trace is continued from text, and handed on as text', async () => {
    const seen = await tracer.span('work', { parent }, async () => [currentTrace(), traceHeaders()]);
    const [span] = exporter.getFinishedSpans();
    const { traceId, spanId } = span!.spanContext();
    expect([traceId, span?.parentSpanContext?.isRemote]).toEqual([traceID, true]);
    const own = { traceparent: `00-${traceID}-${spanId}-01`, tracestate: 'vendor=1' };
    expect(seen).toEqual([own, own]);
  });

  test('a trace can begin here, whatever is under way', async () => {
    await tracer.span('outer', {}, () => tracer.span('own', { parent: 'none' }, async () => {}));
    const [own, outer] = exporter.getFinishedSpans();
    expect(own?.parentSpanContext).toBeUndefined();
    expect(own?.spanContext().traceId).not.toBe(outer?.spanContext().traceId);
  });

  test('a span has the times that it is given', () => {
    tracer.begin('wait', { startTime: 1_000 }).end(3_500);
    expect(exporter.getFinishedSpans()[0]).toMatchObject({ startTime: [1, 0], duration: [2, 500_000_000] });
  });

  test('work that others begin stays in the trace in which it was asked for', async () => {
    const queue: (() => unknown)[] = [];
    await tracer.span('asks', {}, async () => queue.push(inCurrentTrace(() => currentTrace())));
    await tracer.span('runs', {}, async () => {
      const [asks] = exporter.getFinishedSpans();
      expect(queue[0]?.()).toMatchObject({ traceparent: expect.stringContaining(asks!.spanContext().spanId) });
    });
  });
});

describe('a context manager that misbehaves', () => {
  afterEach(() => context.disable());
  test.each<[string, (work: () => unknown) => unknown]>([
    ['never calls the work', () => undefined],
    ['calls it twice', (work) => [work(), work()]],
    [
      'throws before',
      () => {
        throw new Error('manager');
      },
    ],
    [
      'throws after',
      (work) => {
        work();
        throw new Error('manager');
      },
    ],
  ])('%s: the work is done once', async (_name, withIt) => {
    context.setGlobalContextManager({
      active: () => ROOT_CONTEXT,
      with: (_context, work, thisArg, ...args) => withIt(() => work.call(thisArg as never, ...args)) as never,
      bind: (_context, target) => target,
      enable: () => context as never,
      disable: () => context as never,
    });
    let runs = 0;
    expect(await tracer.span('work', {}, async () => (runs += 1))).toBe(1);
    expect(runs).toBe(1);
  });
});

describe('what somebody else wrote as a trace context', () => {
  const long = 'k=v'.padEnd(600, 'v');
  test.each<[string, unknown, unknown]>([
    ['as it should be', parent, parent],
    ['without a state', { traceparent: parent.traceparent }, { traceparent: parent.traceparent }],
    ['a state that is too long', { ...parent, tracestate: long }, { traceparent: parent.traceparent }],
    ['a state of another kind', { ...parent, tracestate: ['a=b'] }, { traceparent: parent.traceparent }],
    ['a state with a line break', { ...parent, tracestate: 'a=b\r\nx: y' }, { traceparent: parent.traceparent }],
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['a text', parent.traceparent, undefined],
    ['a trace of zeros', { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` }, undefined],
    ['a span of zeros', { traceparent: `00-${traceID}-${'0'.repeat(16)}-01` }, undefined],
    ['capitals', { traceparent: parent.traceparent.toUpperCase() }, undefined],
    ['another version', { traceparent: parent.traceparent.replace('00-', 'ff-') }, undefined],
    ['more behind it', { traceparent: `${parent.traceparent}-x` }, undefined],
    ['a list', { traceparent: [parent.traceparent] }, undefined],
    ['a megabyte', { traceparent: '0'.repeat(1_000_000) }, undefined],
  ])('%s', (_name, value, expected) => {
    expect(parseTraceContext(value)).toEqual(expected);
  });
});
