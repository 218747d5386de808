import { Agent as HTTPAgent } from 'node:http';
import { Agent as HTTPSAgent } from 'node:https';
import { context, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  type Sampler,
  SimpleSpanProcessor,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import { version } from '../version.ts';
import type { CollectorTls, Tracing } from './open-tracing.ts';
import { tellingExporter } from './telling-exporter.ts';
import type { CollectorSettings, TraceSettings } from './trace-settings.ts';

/** Longer texts are cut: a stranger's may be of any length. */
const maxValueChars = 4_096;

/** Registers the SDK for this process. In a process that has another one already, that one stays. */
export async function startSDK(
  settings: TraceSettings,
  { tls, log }: { readonly tls: CollectorTls; readonly log: Logger },
): Promise<Tracing> {
  const { collector, isPrinted, isPropagated, resource, batch } = settings;
  const told = (message: string): void => log.debug({ sdk: message }, 'the tracing SDK says');
  diag.setLogger({ error: told, warn: told, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
  const agents = [new HTTPAgent({ keepAlive: true }), new HTTPSAgent({ keepAlive: true, ...tls })] as const;
  const exporter = collector && tellingExporter(await collectorExporter(collector, agents), log);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.version': version, ...resource }),
    sampler: samplerOf(settings),
    spanLimits: { attributeValueLengthLimit: maxValueChars },
    spanProcessors: [
      ...(exporter === undefined ? [] : [new BatchSpanProcessor({ exporter, ...known(batch) })]),
      ...(isPrinted ? [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })] : []),
    ],
  });
  const manager = new AsyncLocalStorageContextManager().enable();
  const isOurs = context.setGlobalContextManager(manager) && trace.setGlobalTracerProvider(provider);
  if (!isOurs) log.warn('another SDK of OpenTelemetry is registered in this process, and stays');
  if (isOurs && isPropagated) propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    isOn: true,
    takesParents: isPropagated,
    async [Symbol.asyncDispose]() {
      try {
        await provider.shutdown();
      } catch (err) {
        log.debug({ err }, 'the last traces are lost');
      } finally {
        for (const agent of agents) agent.destroy();
        if (isOurs) {
          trace.disable();
          propagation.disable();
          context.disable();
        }
        diag.disable();
      }
    },
  };
}

async function collectorExporter(
  { url, protocol, headers, timeoutMs: timeoutMillis, isCompressed }: CollectorSettings,
  [plain, secure]: readonly [HTTPAgent, HTTPSAgent],
): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await (protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'));
  return new OTLPTraceExporter({
    ...{ url, headers: { ...headers }, timeoutMillis, concurrencyLimit: 2 },
    compression: (isCompressed ? 'gzip' : 'none') as never, // the enumeration is in a package of its own
    httpAgentOptions: (scheme: string) => (scheme === 'http:' ? plain : secure),
  });
}

function samplerOf({ sampler, ratio }: TraceSettings): Sampler {
  const root = sampler.endsWith('always_off')
    ? new AlwaysOffSampler()
    : sampler.endsWith('traceidratio')
      ? new TraceIdRatioBasedSampler(ratio)
      : new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function known<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
