import type { PushEvent, PushResult } from '@slipway/push';
import type { RequestRecord } from '@slipway/registry-client';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** One number of several. */
export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What `/metrics` tells. Further parts of the daemon register theirs with `registry`. */
export interface Metrics {
  readonly registry: Registry;
  readonly pushSeconds: Histogram<'outcome'>;
  readonly requests: Counter<'method' | 'status'>;
  /** Counts what a push tells. */
  readonly countEvent: (event: PushEvent) => void;
  readonly countResult: (result: PushResult) => void;
  /** Counts what went to a registry. */
  readonly countRequest: (record: RequestRecord) => void;
  /** Watches a number that is known elsewhere; one that cannot be read is not told. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
  /** The same for numbers with labels; those that are not told are gone. */
  labelledGauge(name: string, help: string, labels: readonly string[], read: () => readonly LabelledValue[]): void;
}

/** Makes the daemon's metrics, in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const pushes = new Counter({
    name: 'slipwayd_pushes_total',
    help: 'Tags pushed, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  // Without a first value, the first failure would be no increase to Prometheus.
  for (const outcome of ['pushed', 'failed']) pushes.inc({ outcome }, 0);
  const bytes = new Counter({
    name: 'slipwayd_bytes_total',
    help: 'Bytes: sent to registries, mounted there, or saved because they were there',
    labelNames: ['how'],
    registers,
  });
  const blobs = new Counter({
    name: 'slipwayd_blobs_total',
    help: 'Blobs by what became of them, as each push saw it',
    labelNames: ['how'],
    registers,
  });
  const retries = new Counter({
    name: 'slipwayd_retries_total',
    help: 'Attempts at a blob after one that failed',
    registers,
  });
  const pushSeconds = new Histogram({
    name: 'slipwayd_push_duration_seconds',
    help: 'How long pushes took',
    labelNames: ['outcome'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1800],
    registers,
  });
  const requests = new Counter({
    name: 'slipwayd_http_requests_total',
    help: 'Requests by method and status',
    labelNames: ['method', 'status'],
    registers,
  });
  const retriesSeen = new WeakSet<Error>();
  return {
    registry,
    pushSeconds,
    requests,
    countEvent(event) {
      switch (event.type) {
        case 'blob:existed':
          blobs.inc({ how: 'existed' });
          bytes.inc({ how: 'saved' }, event.size);
          return;
        case 'blob:mounted':
          blobs.inc({ how: 'mounted' });
          bytes.inc({ how: 'mounted' }, event.size);
          return;
        case 'blob:pushed':
          blobs.inc({ how: 'pushed' });
          return;
        case 'blob:skipped':
          blobs.inc({ how: 'skipped' });
          return;
        case 'blob:retrying':
          // It counts down once a second, and is told to everybody who waits for the blob.
          if (!retriesSeen.has(event.cause)) retries.inc();
          retriesSeen.add(event.cause);
          return;
        default:
      }
    },
    countResult: ({ ok }) => pushes.inc({ outcome: ok ? 'pushed' : 'failed' }),
    countRequest: ({ sentBytes }) => bytes.inc({ how: 'sent' }, sentBytes),
    labelledGauge(name, help, labelNames, read) {
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers,
        collect() {
          this.reset();
          for (const { labels, value } of read()) this.set({ ...labels }, value);
        },
      });
    },
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          try {
            this.set(await read());
          } catch {
            this.remove();
          }
        },
      });
    },
  };
}
