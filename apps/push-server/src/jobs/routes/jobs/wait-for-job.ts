import type { FastifyReply } from 'fastify';
import { duration } from '../../../config/settings.ts';
import type { EngineContext } from '../../../engine/engine-context.ts';
import { watchClient } from '../../../http/client-signal.ts';
import type { JobRecord } from '../../record/job.ts';
import type { JobService } from '../../service/job-service.ts';

const longestWaitMs = 5 * 60_000;
/** As the schema of the query has it: what is longer is cut. */
const wanted = duration(0, 999 * 60_000);

/** The job once it has ended, or after `wait`, of at most five minutes: what `?wait=30s` asks for. */
export async function waitForJob(
  job: JobRecord,
  wait: string | undefined,
  reply: FastifyReply,
  { jobs, activity }: Pick<EngineContext, 'activity'> & { readonly jobs: Pick<JobService, 'waitFor'> },
): Promise<JobRecord> {
  const timeoutMs = Math.min(wait === undefined ? 0 : (wanted.read(wait) ?? 0), longestWaitMs);
  if (timeoutMs === 0) return job;
  const closing = new AbortController();
  using _leave = { [Symbol.dispose]: activity.onClosing(() => closing.abort()) };
  using client = watchClient(reply.raw, closing.signal);
  return await jobs.waitFor(job.id, { timeoutMs, signal: client.signal });
}
