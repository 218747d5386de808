import type { PushTotals } from '@slipway/push';

/** How a job stands, as `GET /slipway/v1/jobs/{id}` tells it. */
export interface Job {
  readonly id: string;
  readonly state: JobState;
  /** What is pushed, as it was named. */
  readonly image: string;
  readonly source: string;
  readonly imageID?: string | undefined;
  readonly digest?: string | undefined;
  readonly destinations: readonly JobDestination[];
  readonly principal: string;
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  readonly attempts: number;
  readonly daemon?: string | undefined;
  readonly canRetry: boolean;
  readonly error?: JobFailure | undefined;
}

export const jobStates = ['queued', 'running', 'pushed', 'planned', 'failed', 'cancelled'] as const;

export type JobState = (typeof jobStates)[number];

export interface JobDestination {
  readonly reference: string;
  readonly state: 'pending' | 'pushed' | 'planned' | 'failed';
  readonly digest?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly size?: number | undefined;
  readonly unchanged?: boolean | undefined;
  readonly totals?: PushTotals | undefined;
  readonly error?: JobFailure | undefined;
}

export interface JobFailure {
  readonly code: string;
  readonly message: string;
  /** The code of what caused it. */
  readonly reason?: string | undefined;
  /** The side that failed. */
  readonly origin?: string | undefined;
  readonly hint?: string | undefined;
}

/** An event of a job; those of its push have the fields of a push event. */
export interface JobEvent {
  readonly type: string;
  readonly seq?: number | undefined;
  readonly [field: string]: unknown;
}

export function hasEnded({ state }: Pick<Job, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}

/** Whether something is where it was to be; of a dry run, would be. */
export function isReached({ state }: Pick<Job | JobDestination, 'state'>): boolean {
  return state === 'pushed' || state === 'planned';
}

/** A failure that the daemon told of. */
export class JobFailedError extends Error {
  override name = 'JobFailedError';
  readonly code: string;
  readonly origin: string | undefined;
  readonly hint: string | undefined;

  constructor({ code, reason, message, origin, hint }: JobFailure) {
    super(message);
    this.code = reason ?? code;
    this.origin = origin;
    this.hint = hint;
  }
}
