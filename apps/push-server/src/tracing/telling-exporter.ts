import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';

type Done = Parameters<SpanExporter['export']>[1];

/** Tells the log once when spans cannot be sent, and once when they can again. */
export function tellingExporter(exporter: SpanExporter, log: Logger): SpanExporter {
  let lost = 0;
  return {
    export(spans: ReadableSpan[], done: Done) {
      exporter.export(spans, (result) => {
        if (result.code === 0) {
          if (lost > 0) log.info({ lost }, 'traces are sent again');
          lost = 0;
        } else {
          const { message = 'for no reason that is told' } = result.error ?? {};
          if (lost === 0) log.warn({ reason: message }, 'traces cannot be sent: spans are dropped until they can');
          lost += spans.length;
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => await exporter.forceFlush?.(),
  };
}
