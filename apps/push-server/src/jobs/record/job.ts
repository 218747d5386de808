import { printable } from '@slipway/client/program';
import type { Digest } from '@slipway/digest';
import { PushError, type PushEvent, type PushOrigin, type PushTotals } from '@slipway/push';
import { registryErrorOf } from '@slipway/registry-client';
import type { TraceContext } from '@slipway/tracing';
import type { PushSettings } from '../../engine/push-settings.ts';
import { toldText } from '../../http/told-text.ts';
import { registryHint } from '../run/registry-hint.ts';

/** Which content a job is about. It was read when the job was submitted and does not change after. */
export interface JobContent {
  /** Image ID: digest of the config; of the manifest itself for indexes and artifacts. */
  readonly id: Digest;
  /** Digest of the manifest or index that the image came with; undefined when the push makes one. */
  readonly manifest?: Digest | undefined;
}

/** An image that the store keeps for a job under the key `hold`; `name` is what it was asked for by. */
export interface HeldSource {
  readonly name: string;
  readonly hold: string;
  readonly content: JobContent;
}

/** What shall be pushed: of the store, of a registry, or an archive that was uploaded for this job. */
export type JobSource =
  | ({ readonly kind: 'image' } & HeldSource)
  /** Every tag that a repository had in the store. */
  | {
      readonly kind: 'images';
      readonly name: string;
      readonly held: readonly HeldSource[];
      readonly content?: undefined;
    }
  /** `file` is a name in the folder of uploaded archives; `image` chooses one of several images. */
  | {
      readonly kind: 'archive';
      readonly file: string;
      readonly size: number;
      readonly image?: string | undefined;
      /** Undefined where all of its tags are pushed. */
      readonly content?: JobContent | undefined;
    }
  /** `reference` has the digest that `name` meant; it is a repository where all tags are pushed, as they are then. */
  | {
      readonly kind: 'registry';
      readonly name: string;
      readonly reference: string;
      readonly content?: JobContent | undefined;
    };

/** How it shall be pushed: the options of a push, under their usual names. */
export type JobOptions = PushSettings;

/**
 * `queued` and `running` are to be worked on; the rest is how a job ended. `pushed` means every destination; `planned`
 * the same of a dry run, which writes nothing.
 */
export type JobState = 'queued' | 'running' | 'pushed' | 'planned' | 'failed' | 'cancelled';

/** Which of the jobs that may begin comes first: the most urgent ones stand first. */
export const priorities = ['high', 'normal', 'low'] as const;
export type JobPriority = (typeof priorities)[number];

/** Who is told that a job has ended, and whether they were. */
export interface JobWebhook {
  readonly url: string;
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error?: string | undefined;
}

/** An error as it is told: its code and its message, which names no credential. */
export interface JobFailure {
  readonly code: string;
  readonly message: string;
  /** The code of the error that caused it, where that says more. */
  readonly reason?: string | undefined;
  /** The side that failed. */
  readonly origin?: PushOrigin | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** What became of one destination. */
export interface JobDestination {
  /** Canonical, with its tag; of a job for all tags a repository, until it has ended. */
  readonly reference: string;
  readonly state: 'pending' | 'pushed' | 'planned' | 'failed';
  readonly digest?: string | undefined;
  readonly mediaType?: string | undefined;
  readonly size?: number | undefined;
  /** The tag named this manifest already. */
  readonly unchanged?: boolean | undefined;
  readonly totals?: PushTotals | undefined;
  readonly error?: JobFailure | undefined;
}

/** One run of a job by one daemon. */
export interface JobRun {
  readonly token: string;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Nothing else was worked on beside it. */
  readonly isAlone: boolean;
  /** It has brought a blob or a manifest to a registry. */
  readonly hasProgress: boolean;
}

/** What a submission said of an upload, and what that had. */
export interface SubmittedUpload {
  readonly id: string;
  /** Which of its images, as it was asked for. */
  readonly image?: string | undefined;
  readonly contentHash: string;
}

/** A job as it is kept. Times are RFC 3339. */
export interface JobRecord {
  readonly id: string;
  readonly state: JobState;
  readonly source: JobSource;
  readonly options: JobOptions;
  readonly destinations: readonly JobDestination[];
  /** Of a job for all tags: the repositories that were asked for. */
  readonly repositories?: readonly string[] | undefined;
  /** Who submitted it. */
  readonly principal: string;
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  /** How often a daemon began to work on it and did not give it back. */
  readonly attempts: number;
  /** The run that is under way. */
  readonly run?: JobRun | undefined;
  /** How often in a row its daemon ended without giving it back. */
  readonly crashes?: number | undefined;
  /** Runs during which the daemon ended while it worked on nothing else, and that had brought nothing forward. */
  readonly deaths?: readonly string[] | undefined;
  /** It failed, and what it pushes is still kept: it can be retried. */
  readonly isSourceKept?: boolean | undefined;
  /** It came with credentials of its own, which were dropped when it ended. */
  readonly hadCredentials?: boolean | undefined;
  /** The data folder that has what it pushes. The daemons of that folder work on it. */
  readonly home: string;
  /** The daemon that works on it, or did so last. */
  readonly daemon?: string | undefined;
  readonly isCancelRequested: boolean;
  readonly priority?: JobPriority | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly webhook?: JobWebhook | undefined;
  /** What its notices are signed with, encrypted. */
  readonly sealedWebhook?: string | undefined;
  /** Why it failed before any destination did. */
  readonly error?: JobFailure | undefined;
  /** The request that was answered with it last: one that got no answer takes its job back. */
  readonly submission?: string | undefined;
  /** The run that ended it, or what stands for one where none had begun: one end, told from the next. */
  readonly endedBy?: string | undefined;
  /** The trace of whoever submitted it. Others may have written it: it is parsed where it is used. */
  readonly trace?: TraceContext | undefined;
  /** Tells a repeated request from another one with the same idempotency key. */
  readonly requestHash: string;
  /** The upload in parts that it was made of, which is gone by now: what is needed to know it again. */
  readonly upload?: SubmittedUpload | undefined;
  /** Encrypted; dropped when the job ends. */
  readonly sealedCredentials?: string | undefined;
  /** Credentials of the daemon's own configuration. */
  readonly credentialsName?: string | undefined;
}

/** Whether a job has ended. */
export function isFinal(state: JobState): boolean {
  return state !== 'queued' && state !== 'running';
}

type Told<Event> = Event extends { readonly error: Error }
  ? Omit<Event, 'error'> & { readonly error: JobFailure }
  : Event extends { readonly cause: Error }
    ? Omit<Event, 'cause'> & { readonly cause: JobFailure }
    : Event;

/** A push event as JSON has it. */
export type ToldPushEvent = Told<PushEvent>;

/** What a job goes through, beside what its push tells. */
export type JobStep =
  | { readonly type: 'job:queued' }
  /** It had ended, and somebody asked for another try. */
  | { readonly type: 'job:retried'; readonly principal: string }
  | { readonly type: 'job:started'; readonly attempt: number; readonly daemon: string }
  /** The daemon stops; another one, or the next start, goes on. */
  | { readonly type: 'job:interrupted'; readonly attempt: number }
  /** There were more events than are kept. */
  | { readonly type: 'job:truncated'; readonly kept: number }
  | {
      readonly type: 'job:finished';
      readonly state: JobState;
      readonly error?: JobFailure | undefined;
      /** What became of each. */
      readonly destinations?: readonly Pick<JobDestination, 'reference' | 'state' | 'digest'>[] | undefined;
    };

/** One event of a job. `seq` counts from 1 and only up; progress has none, as it is not kept. */
export type JobEvent = (JobStep | ToldPushEvent) & {
  readonly seq?: number | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
};

/** Whether an event is about the job itself and not about its push. */
export function isJobStep(event: JobEvent): event is Extract<JobEvent, JobStep> {
  return event.type.startsWith('job:');
}

/** The error as it is told. What a registry said stands there as it said it, in one line. */
export function failureOf(error: unknown): JobFailure {
  if (!(error instanceof Error)) return { code: 'ERR_UNKNOWN', message: toldText(String(error)) };
  const answer = registryErrorOf(error);
  const message = answer === undefined ? toldText(error.message) : printable(error.message);
  const code = codeOf(error) ?? 'ERR_UNKNOWN';
  if (!(error instanceof PushError)) {
    const { origin, hint } = error as { readonly origin?: PushOrigin; readonly hint?: string };
    return { code, message, origin, hint: hint && toldText(hint) };
  }
  const hint = (answer && registryHint(answer)) ?? error.hint;
  return { code, message, reason: reasonOf(error.cause), origin: error.origin, hint: hint && printable(hint) };
}

/** The outermost code of the causes that says more than that an attempt failed. */
function reasonOf(cause: unknown): string | undefined {
  for (let link = cause, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth += 1) {
    const code = codeOf(link);
    if (code !== undefined && code !== 'ERR_PUSH_FAILED' && code !== 'ERR_RETRIES_EXHAUSTED') return code;
  }
  return undefined;
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A push event without what JSON cannot carry, and with texts of strangers in one plain line. */
export function tellPushEvent(event: PushEvent): ToldPushEvent {
  switch (event.type) {
    case 'push:failed':
      return { ...event, error: failureOf(event.error) };
    case 'blob:retrying':
      return { ...event, cause: failureOf(event.cause) };
    case 'warning':
      return { ...event, message: toldText(event.message) };
    case 'message':
    case 'blob:message':
      return { ...event, text: printable(event.text) };
    case 'blob:mounted':
      return { ...event, from: printable(event.from) };
    default:
      return event;
  }
}
