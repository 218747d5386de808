import type { PushEvent } from '@slipway/push';
import type { CommandContext } from '../command-context.ts';
import type { Progress } from '../progress/progress.ts';
import type { DaemonClient } from './daemon-client.ts';
import { type Job, type JobEvent, JobFailedError, type JobFailure } from './job.ts';

export interface FollowOptions {
  readonly client: DaemonClient;
  readonly progress: Progress;
  readonly context: CommandContext;
  /** What the first Ctrl-C does: stop the job at a safe point, or leave it to the daemon. */
  readonly onInterrupt: 'cancel' | 'leave';
}

/**
 * Shows how a job goes on until it has ended, as a push of this process would be shown.
 *
 * @throws the reason of the context's signal, when the user leaves
 */
export async function followToEnd(id: string, options: FollowOptions): Promise<Job> {
  const { client, progress, context, onInterrupt } = options;
  const controller = new AbortController();
  const { signal } = context;
  let cancelling: Promise<unknown> | undefined;
  const interrupted = (): void => {
    if (onInterrupt === 'leave') controller.abort(signal.reason);
    // The daemon that cannot be told cannot be waited for either.
    else cancelling = client.cancel(id).catch((error: unknown) => controller.abort(error));
  };
  context.onInterrupted = () =>
    progress.print(
      onInterrupt === 'leave'
        ? `slipway: leaving; the job goes on: slipway job watch ${id}`
        : 'slipway: asked the daemon to stop at a safe point; press Ctrl-C again to leave at once',
    );
  signal.addEventListener('abort', interrupted, { once: true });
  if (signal.aborted) interrupted();
  try {
    for await (const event of client.follow(id, controller.signal)) tell(event, progress);
    await cancelling;
    return await client.get(id);
  } finally {
    signal.removeEventListener('abort', interrupted);
  }
}

/** Tells an event of the push as one of this process, and what the job itself goes through in a line. */
function tell(event: JobEvent, progress: Progress): void {
  const text = jobLine(event);
  if (text !== undefined) progress.print(text);
  else if (!event.type.startsWith('job:')) progress.onEvent(pushEventOf(event));
}

function jobLine({ type, attempt, daemon }: JobEvent): string | undefined {
  if (type === 'job:started' && attempt !== 1) return `slipway: attempt ${attempt}, by ${daemon}`;
  if (type === 'job:interrupted') return 'slipway: the daemon was stopped; the job waits for the next one';
  if (type === 'job:truncated') return 'slipway: the daemon has not kept all events of this job';
  return undefined;
}

/** Errors are errors again, as listeners of a push expect them. */
function pushEventOf({ seq: _, time: __, ...event }: JobEvent): PushEvent {
  const revived = (name: string): object =>
    event[name] === undefined ? {} : { [name]: new JobFailedError(event[name] as JobFailure) };
  return { ...event, ...revived('error'), ...revived('cause') } as unknown as PushEvent;
}
