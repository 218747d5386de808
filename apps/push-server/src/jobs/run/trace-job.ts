import { createTracer, parseTraceContext } from '@slipway/tracing';
import type { WorkOutcome } from '../queue/job-queue.ts';
import type { JobRecord } from '../record/job.ts';
import { nameOf } from './job-sources.ts';

/** What the trace of a job wants to hear. */
export interface JobTrace {
  /** Its turn has come: it waits no more. */
  begun(job: JobRecord): void;
  /** How it ended. */
  ended(job: Pick<JobRecord, 'state' | 'error' | 'destinations'>): void;
}

const tracer = createTracer('@slipway/server');

/**
 * A span around one run of a job, in the trace of whoever submitted it. That of the first run begins with the
 * submission, so that its wait can be seen.
 */
export async function traceJob(
  job: JobRecord,
  daemon: string,
  work: (trace: JobTrace) => Promise<WorkOutcome>,
): Promise<WorkOutcome> {
  const submitted = Date.parse(job.createdAt);
  const startTime = job.attempts === 0 ? Math.min(submitted, Date.now()) : undefined; // clocks of daemons differ
  const attributes = {
    'slipway.job.id': job.id,
    'slipway.job.daemon': daemon,
    'slipway.job.priority': job.priority,
    'slipway.principal': job.principal,
    'slipway.image': nameOf(job.source),
    'slipway.destinations': job.destinations.map(({ reference }) => reference),
  };
  // Kept by others, perhaps: what is no trace context begins a trace.
  const parent = parseTraceContext(job.trace) ?? 'none';
  return await tracer.span('job', { kind: 'consumer', parent, startTime, attributes }, async (span) => {
    const wait = tracer.begin('job wait', { startTime });
    try {
      const outcome = await work({
        begun({ attempts }) {
          wait.end();
          span.set({ 'slipway.job.attempt': attempts });
        },
        ended({ state, error, destinations }) {
          span.set({ 'slipway.job.state': state });
          const failure = error ?? destinations.find((each) => each.error !== undefined)?.error;
          if (state === 'failed') span.fail(failure?.code ?? 'ERR_UNKNOWN');
        },
      });
      if (outcome === 'handed-over') span.set({ 'slipway.job.state': outcome });
      return outcome;
    } finally {
      wait.end();
    }
  });
}
