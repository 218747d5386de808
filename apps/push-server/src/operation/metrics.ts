import type { PushEvent, PushResult } from '@slipway/push';
import type { RequestRecord } from '@slipway/registry-client';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { JobRecord } from '../jobs/record/job.ts';
import type { AuditLog } from '../security/audit.ts';

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
  readonly countRequest: (record: RequestRecord, registry: string) => void;
  /** Counts a job that has ended here. */
  readonly countJob: (job: JobRecord) => void;
  /** Counts what is audited. */
  countAudits(audit: AuditLog): AuditLog;
  /** Watches a number that is known elsewhere; one that cannot be read is not told. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
  /** The same for numbers with labels; those that are not told are gone. */
  labelledGauge(name: string, help: string, labels: readonly string[], read: () => readonly LabelledValue[]): void;
}

/** Registries with numbers of their own. */
const maxRegistries = 100;
const longBuckets = [0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200];

function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
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
  const registryRequests = new Counter({
    name: 'slipwayd_registry_requests_total',
    help: 'Requests to registries, by registry and status; none where no answer came',
    labelNames: ['registry', 'status'],
    registers,
  });
  const jobs = new Counter({
    name: 'slipwayd_jobs_total',
    help: 'Push jobs that ended with this daemon, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const jobWait = new Histogram({
    name: 'slipwayd_job_wait_seconds',
    help: 'How long push jobs waited until they were first begun',
    buckets: longBuckets,
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'slipwayd_job_duration_seconds',
    help: 'How long push jobs took from their submission to their end',
    labelNames: ['outcome'],
    buckets: longBuckets,
    registers,
  });
  const operations = new Counter({
    name: 'slipwayd_operations_total',
    help: 'What is audited: loads, pushes, tags, logins, jobs, refused requests, by outcome',
    labelNames: ['action', 'outcome'],
    registers,
  });
  // What has not happened yet is there as nothing: rates begin with the first one.
  for (const outcome of ['pushed', 'failed']) pushes.inc({ outcome }, 0);
  for (const outcome of ['pushed', 'planned', 'failed', 'cancelled']) jobs.inc({ outcome }, 0);
  for (const how of ['sent', 'mounted', 'saved']) bytes.inc({ how }, 0);
  for (const how of ['existed', 'mounted', 'pushed', 'skipped']) blobs.inc({ how }, 0);
  for (const action of ['load', 'push'])
    for (const outcome of ['done', 'failed']) operations.inc({ action, outcome }, 0);
  for (const outcome of ['unauthorized', 'forbidden']) operations.inc({ action: 'request', outcome }, 0);
  const known = new Set<string>();
  /** Whoever may push chooses names: they must not become series without end. */
  const labelOf = (name: string): string => {
    if (known.size < maxRegistries) known.add(name);
    return known.has(name) ? name : 'other';
  };
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
    countRequest({ sentBytes, status }, registryName) {
      bytes.inc({ how: 'sent' }, sentBytes);
      registryRequests.inc({ registry: labelOf(registryName), status: String(status ?? 'none') });
    },
    countJob({ state: outcome, createdAt, startedAt, finishedAt }) {
      jobs.inc({ outcome });
      if (startedAt !== undefined) jobWait.observe(secondsBetween(createdAt, startedAt));
      if (finishedAt !== undefined) jobSeconds.observe({ outcome }, secondsBetween(createdAt, finishedAt));
    },
    countAudits: (audit) => ({
      ...audit,
      write(entry) {
        operations.inc({ action: entry.action, outcome: entry.outcome });
        audit.write(entry);
      },
    }),
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
