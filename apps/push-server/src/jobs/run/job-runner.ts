import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PushReport } from '@slipway/client';
import type { PushEvent, PushOptions, PushResult } from '@slipway/push';
import { formatReference, parseReference, type Reference } from '@slipway/reference';
import type { Logger } from 'pino';
import type { SpaceReserve } from '../../engine/folder/space-reserve.ts';
import type { PushService } from '../../engine/push-service.ts';
import { ServerError } from '../../errors.ts';
import type { AuditLog } from '../../security/audit.ts';
import type { JobGate, JobPass } from '../queue/job-gate.ts';
import { JobLost, type WorkOutcome } from '../queue/job-queue.ts';
import type { LiveChannel } from '../queue/live-channel.ts';
import {
  failureOf,
  isFinal,
  type JobDestination,
  type JobFailure,
  type JobRecord,
  type JobState,
} from '../record/job.ts';
import { type JobJournal, openJobJournal } from '../record/job-journal.ts';
import type { JobStore } from '../record/job-store.ts';
import { afterCrash, afterLostLease, begun, givenBack, maxDeaths, notAlone, waitMsOf } from './job-attempts.ts';
import { type JobSources, nameOf } from './job-sources.ts';
import type { NamedCredentials } from './named-credentials.ts';
import { createRunNotes, pushedOf } from './run-notes.ts';
import type { Auths, CredentialSeal } from './sealed-credentials.ts';
import { type JobTrace, traceJob } from './trace-job.ts';

interface RunOptions {
  readonly onEvent: NonNullable<PushOptions['onEvent']>;
  readonly signal: AbortSignal;
}

export interface JobRunnerOptions {
  readonly store: JobStore;
  /** The end of a job lets go of what it holds, also on a full disk. */
  readonly makingRoom: SpaceReserve['makingRoom'];
  readonly channel: LiveChannel;
  readonly sources: JobSources;
  readonly gate: JobGate;
  readonly pushes: PushService;
  readonly seal: CredentialSeal;
  readonly named: NamedCredentials;
  readonly audit: AuditLog;
  readonly log: Logger;
  /** Whether what a failed job pushes is kept, for a retry. */
  readonly keepsFailed: boolean;
  /** Told when a running job has reached a destination. */
  readonly onReached: () => void;
  /** Told of a job that has ended here. */
  readonly onEnded: (job: JobRecord) => void;
  /** Tells this daemon from the others. */
  readonly daemon: string;
}

/** Works on jobs, one call a job; whatever was done before stays done. */
export interface JobRunner {
  /** @param signal aborts when the daemon closes, or has lost the job */
  run(id: string, signal: AbortSignal): Promise<WorkOutcome>;
  /** Ends a job that nobody works on as cancelled; one that runs notices by itself. */
  cancelWaiting(id: string): Promise<JobRecord | undefined>;
}

/** Why a running push was aborted: its client wants it no more. */
class JobCancelled extends Error {
  override name = 'JobCancelled';
}

export function createJobRunner(options: JobRunnerOptions): JobRunner {
  const {
    store,
    makingRoom,
    channel,
    sources,
    gate,
    pushes,
    seal,
    named,
    audit,
    log,
    keepsFailed,
    onReached,
    onEnded,
    daemon,
  } = options;

  /** Of the jobs that are worked on here. */
  const traces = new Map<string, JobTrace>();

  const journalOf = (id: string): Promise<JobJournal> =>
    openJobJournal({ id, store, channel, onFailure: (err) => log.warn({ err, job: id }, 'events are not kept') });

  /** Writes down how a job ended, unless another daemon has it by now. */
  const finish = async (
    job: JobRecord,
    journal: JobJournal,
    end: Pick<JobRecord, 'state' | 'destinations' | 'error'>,
  ): Promise<JobRecord | undefined> => {
    let isOurs = false;
    const token = job.run?.token;
    const endedBy = token ?? newToken(); // no run has: each end can be told from the next
    const isSourceKept = end.state === 'failed' && keepsFailed;
    const asEnded = (current: JobRecord): JobRecord => {
      // What was written before, although its answer was lost, is ours too.
      if (isFinal(current.state)) {
        isOurs = current.endedBy === endedBy;
        return current;
      }
      // Between two runs, what this one did last still counts.
      isOurs = current.run === undefined || current.run.token === token;
      if (!isOurs) return current;
      const { sealedCredentials, run: _over, ...rest } = current;
      const hadCredentials = sealedCredentials !== undefined || current.hadCredentials;
      const finishedAt = new Date().toISOString();
      return { ...rest, ...end, isSourceKept, hadCredentials, endedBy, finishedAt };
    };
    const ended = await makingRoom(() => store.update(job.id, asEnded));
    if (!isOurs || ended === undefined) return ended;
    traces.get(job.id)?.ended(end);
    if (!isSourceKept) {
      await sources
        .release(job.source)
        .catch((err) => log.warn({ err, job: job.id }, 'what a job pushed stays a while'));
    }
    const destinations = end.destinations.map(({ reference, state, digest }) => ({ reference, state, digest }));
    journal.step({ type: 'job:finished', state: end.state, error: end.error, destinations });
    await journal.flush();
    onEnded(ended);
    for (const { reference, state, digest, error } of end.destinations) {
      audit.write({
        action: 'push',
        principal: job.principal,
        outcome: auditedAs(end.state, state),
        subject: reference,
        remote: undefined,
        requestId: undefined,
        details: { job: job.id, digest, error: error?.message },
      });
    }
    return ended;
  };

  const authsOf = async ({
    id,
    source,
    sealedCredentials,
    credentialsName,
    destinations,
  }: JobRecord): Promise<Auths> => {
    // Who sends some, which only a retry may of a job with named ones, wants those to be used.
    if (sealedCredentials !== undefined) return seal.open(id, sealedCredentials);
    if (credentialsName === undefined) return new Map();
    const references = destinations.map(({ reference }) => reference);
    if (source.kind === 'registry') references.push(source.reference);
    const registries = references.map((reference) => parseReference(reference).registry);
    return await named.auths(credentialsName, [...new Set(registries)]);
  };

  const push = async (job: JobRecord, { onEvent, signal }: RunOptions): Promise<PushReport> => {
    const to = (job.repositories ?? pendingOf(job)).map((each) => parseReference(each));
    if (to.length === 0) return { results: [], refusedTags: [] };
    const auths = await authsOf(job);
    await using opened = await sources.open(job.source, { signal, push: pushes.choices('job', job.options) });
    const reached = new Set(pushedOf(job).map(({ reference }) => reference));
    const leaveOut = (reference: Reference): boolean => reached.has(formatReference(reference));
    return await pushes.pushSource(
      { source: opened.source, to, leaveOut },
      {
        identity: { auths },
        subject: { kind: 'job', id: job.id, image: nameOf(job.source), principal: job.principal },
        settings: { face: 'job', chosen: job.options },
        signal,
        onEvent,
      },
    );
  };

  /** The job as it is before its next run: what a daemon that is gone has left is counted. */
  const prepared = async (id: string): Promise<JobRecord | undefined> => {
    const job = await store.update(id, (current) => (isFinal(current.state) ? current : afterCrash(current)));
    return job === undefined || isFinal(job.state) ? undefined : job;
  };

  /** Waits for the job's turn; undefined when its client wants it no more. */
  const enter = async (job: JobRecord, token: string, signal: AbortSignal): Promise<JobPass | undefined> => {
    try {
      if ((job.crashes ?? 0) === 0) return await gate.enter({ signal });
      const waitMs = waitMsOf(job);
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      const share = (): void =>
        void store
          .update(job.id, (current) => notAlone(current, token))
          .catch((err) => log.warn({ err, job: job.id }, 'a job cannot be written'));
      return await gate.enterAlone({ signal, onShared: share });
    } catch (error) {
      if (signal.aborted && signal.reason instanceof JobCancelled) return undefined;
      throw error;
    }
  };

  const work = async (waiting: JobRecord, outer: AbortSignal, trace: JobTrace): Promise<WorkOutcome> => {
    const { id } = waiting;
    await using journal = await journalOf(id);
    if (waiting.isCancelRequested) {
      await finish(waiting, journal, { ...waiting, state: 'cancelled' });
      return 'done';
    }
    const deaths = waiting.deaths?.length ?? 0;
    if (deaths >= maxDeaths) {
      const message = `the daemon ended ${deaths} times while it worked on this job and on nothing else`;
      await finish(waiting, journal, { ...unreached(waiting, tooOften(message)), state: 'failed' });
      return 'done';
    }
    using watch = watchCancellation(id, outer, options);
    const token = newToken();
    using pass = await enter(waiting, token, watch.signal);
    if (pass === undefined) {
      await finish(waiting, journal, { ...waiting, state: 'cancelled' });
      return 'done';
    }
    const run = { token, startedAt: new Date().toISOString(), isAlone: pass.isAlone, hasProgress: false };
    const job = await store.update(id, (current) => begun(current, { run, daemon }));
    if (job === undefined || isFinal(job.state)) return 'done';
    if (job.run?.token !== token) return 'handed-over'; // another daemon was quicker
    trace.begun(job);
    journal.step({ type: 'job:started', attempt: job.attempts, daemon });
    await journal.flush();
    const onFailure = (err: unknown): void => log.warn({ err, job: id }, 'a job cannot be written');
    const notes = createRunNotes({ id, token, store, onReached, onFailure });
    let isOver = false;
    const onEvent = (event: PushEvent): void => {
      if (isOver) return; // of a push that was aborted: what its end was is told already
      journal.push(event);
      notes.tell(event);
    };
    try {
      const report = await push(job, { onEvent, signal: watch.signal });
      isOver = true;
      await finish(job, journal, endOf(job, report));
    } catch (error) {
      isOver = true;
      if (watch.signal.aborted && !(watch.signal.reason instanceof JobCancelled)) {
        if (watch.signal.reason instanceof JobLost) {
          log.warn({ job: id }, watch.signal.reason.message);
          await store.update(id, (current) => afterLostLease(current, token));
        } else await release(store, journal, { ...job, destinations: notes.destinationsOf(job) });
        return 'handed-over';
      }
      const state = watch.signal.aborted ? 'cancelled' : 'failed';
      const destinations = notes.destinationsOf(job);
      if (state === 'cancelled') await finish(job, journal, { state, destinations, error: undefined });
      else await finish(job, journal, { ...unreached({ destinations }, failureOf(error)), state });
    }
    return 'done';
  };

  return {
    async run(id, outer) {
      const waiting = await prepared(id);
      if (waiting === undefined) return 'done';
      return await traceJob(waiting, daemon, async (trace) => {
        traces.set(id, trace);
        try {
          return await work(waiting, outer, trace);
        } finally {
          traces.delete(id);
        }
      });
    },
    async cancelWaiting(id) {
      const job = await store.get(id);
      if (job === undefined || job.state !== 'queued') return job;
      await using journal = await journalOf(id);
      return await finish(job, journal, { ...job, state: 'cancelled' });
    },
  };
}

function newToken(): string {
  return randomBytes(6).toString('hex');
}

function tooOften(message: string): JobFailure {
  return failureOf(new ServerError('ERR_SERVER_JOB_ATTEMPTS', message));
}

/** Puts a job back as this daemon stops; the attempt does not count, as the daemon ended in order. */
async function release(store: JobStore, journal: JobJournal, job: JobRecord): Promise<void> {
  const { id, attempts, run, destinations } = job;
  journal.step({ type: 'job:interrupted', attempt: attempts });
  await journal.flush();
  await store.update(id, (now) => (run === undefined ? now : givenBack(now, { token: run.token, destinations })));
}

/** Combines the daemon's signal with a request to cancel, wherever that was made. */
function watchCancellation(
  id: string,
  outer: AbortSignal,
  { store, channel }: Pick<JobRunnerOptions, 'store' | 'channel'>,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const follow = (): void => controller.abort(outer.reason);
  if (outer.aborted) follow();
  outer.addEventListener('abort', follow, { once: true });
  const look = async (): Promise<void> => {
    const job = await store.get(id).catch(() => undefined);
    if (job?.isCancelRequested === true) controller.abort(new JobCancelled('the job was cancelled'));
  };
  const leave = channel.subscribe((news) => {
    if (news.kind === 'cancel' && news.job === id) void look();
  });
  const timer = setInterval(() => void look(), 5_000); // the news may be lost with a connection
  void look(); // or have come before this began to listen
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearInterval(timer);
      leave();
      outer.removeEventListener('abort', follow);
    },
  };
}

/** What a run is about: the destinations that no run before it has reached. */
function pendingOf({ destinations }: JobRecord): readonly string[] {
  return destinations.flatMap(({ reference, state }) => (state === 'pushed' ? [] : [reference]));
}

/** How a job ends whose push has come to its end. */
function endOf(
  job: JobRecord,
  { results, refusedTags }: PushReport,
): Pick<JobRecord, 'state' | 'destinations' | 'error'> {
  const byReference = new Map(pendingOf(job).map((reference, at) => [reference, results[at]]));
  const destinations =
    job.repositories === undefined
      ? job.destinations.map((each) => destinationOf(each, byReference.get(each.reference)))
      : [
          ...pushedOf(job),
          ...results.map((result) =>
            destinationOf({ reference: formatReference(result.reference), state: 'pending' }, result),
          ),
        ];
  const error = refusedTags.length === 0 ? undefined : refusedError(refusedTags);
  const isReached = error === undefined && destinations.every(({ state }) => state === 'pushed' || state === 'planned');
  if (!isReached) return { state: 'failed', destinations, error };
  const isPlan = destinations.some(({ state }) => state === 'planned');
  return { state: isPlan ? 'planned' : 'pushed', destinations, error: undefined };
}

function refusedError(tags: readonly string[]): JobFailure {
  const listed = tags.slice(0, 10).map((tag) => JSON.stringify(tag));
  const message = `no registry takes these tags of the source: ${listed.join(', ')}${tags.length > 10 ? ', …' : ''}`;
  return { code: 'ERR_CLIENT_TAGS', message };
}

function auditedAs(job: JobState, destination: JobDestination['state']): 'done' | 'cancelled' | 'failed' {
  if (destination === 'pushed' || destination === 'planned') return 'done';
  return job === 'cancelled' ? 'cancelled' : 'failed';
}

/** How a job ends before any destination was asked, or in the middle: none of those left over stays without a word. */
function unreached(
  { destinations }: Pick<JobRecord, 'destinations'>,
  error: JobFailure,
): Pick<JobRecord, 'destinations' | 'error'> {
  return {
    error,
    destinations: destinations.map((each) =>
      each.state === 'pushed' || each.state === 'planned' ? each : { ...each, state: 'failed', error },
    ),
  };
}

function destinationOf(destination: JobDestination, result: PushResult | undefined): JobDestination {
  const { reference } = destination;
  if (result === undefined) return destination; // reached by an earlier run
  if (!result.ok) return { reference, state: 'failed', totals: result.totals, error: failureOf(result.error) };
  const { digest, mediaType, size, unchanged, totals, plan } = result;
  return { reference, state: plan === undefined ? 'pushed' : 'planned', digest, mediaType, size, unchanged, totals };
}
