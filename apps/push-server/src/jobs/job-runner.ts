import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageSource, openSource, type SourceItem } from '@slipway/image-source';
import type { ImageStore } from '@slipway/image-store';
import { parsePlatform } from '@slipway/manifest';
import type { PushEvent, PushOptions, PushResult } from '@slipway/push';
import { familiarString, parseReference } from '@slipway/reference';
import type { Logger } from 'pino';
import type { PushService } from '../engine/push-service.ts';
import { RequestError, ServerError } from '../errors.ts';
import type { AuditLog } from '../security/audit.ts';
import {
  failureOf,
  isFinal,
  type JobDestination,
  type JobFailure,
  type JobRecord,
  type JobSource,
  type JobState,
} from './job.ts';
import { type JobJournal, openJobJournal } from './job-journal.ts';
import { JobLost, type WorkOutcome } from './job-queue.ts';
import type { JobStore } from './job-store.ts';
import type { LiveChannel } from './live-channel.ts';
import type { NamedCredentials } from './named-credentials.ts';
import type { Auths, CredentialSeal } from './sealed-credentials.ts';

/** A daemon that dies this often over one job does so because of it. */
const maxAttempts = 5;

interface RunOptions {
  readonly onEvent: NonNullable<PushOptions['onEvent']>;
  readonly signal: AbortSignal;
}

export interface JobRunnerOptions {
  readonly store: JobStore;
  readonly channel: LiveChannel;
  readonly images: ImageStore;
  readonly pushes: PushService;
  readonly seal: CredentialSeal;
  readonly named: NamedCredentials;
  readonly audit: AuditLog;
  readonly log: Logger;
  /** Where uploaded archives lie. */
  readonly archiveFolder: string;
  readonly spoolFolder: string;
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
  const { store, channel, pushes, seal, named, audit, log, archiveFolder, daemon } = options;

  const journalOf = (id: string): Promise<JobJournal> =>
    openJobJournal({ id, store, channel, onFailure: (err) => log.warn({ err, job: id }, 'events are not kept') });

  /** Writes down how a job ended, unless another daemon has it by now. */
  const finish = async (
    job: JobRecord,
    journal: JobJournal,
    end: Pick<JobRecord, 'state' | 'destinations' | 'error'>,
  ): Promise<JobRecord | undefined> => {
    let isOurs = false;
    const ended = await store.update(job.id, (current) => {
      isOurs = !isFinal(current.state) && current.attempts === job.attempts;
      if (!isOurs) return current;
      const { sealedCredentials: _dropped, ...rest } = current;
      return { ...rest, ...end, finishedAt: new Date().toISOString() };
    });
    if (!isOurs || ended === undefined) return ended;
    journal.step({ type: 'job:finished', state: end.state, error: end.error });
    await journal.flush();
    if (job.source.kind === 'archive') await rm(join(archiveFolder, job.source.file), { force: true });
    for (const { reference, state, digest } of end.destinations) {
      audit.write({
        action: 'push',
        principal: job.principal,
        outcome: end.state === 'cancelled' && state !== 'pushed' ? 'cancelled' : state === 'pushed' ? 'done' : 'failed',
        subject: reference,
        remote: undefined,
        requestId: undefined,
        details: { job: job.id, digest },
      });
    }
    return ended;
  };

  const authsOf = async ({ id, sealedCredentials, credentialsName, destinations }: JobRecord): Promise<Auths> => {
    if (credentialsName !== undefined) {
      const registries = destinations.map(({ reference }) => parseReference(reference).registry);
      return await named.auths(credentialsName, [...new Set(registries)]);
    }
    return sealedCredentials === undefined ? new Map() : seal.open(id, sealedCredentials);
  };

  const push = async (job: JobRecord, { onEvent, signal }: RunOptions): Promise<readonly PushResult[]> => {
    const auths = await authsOf(job);
    await using source = await openJobSource(job.source, options, signal);
    const { platform, format, compression } = job.options;
    // A destination that was reached in an earlier attempt is asked once more: the tag may have been moved since.
    const references = job.destinations.map(({ reference }) => parseReference(reference));
    return await pushes.push(selectItem(source, job.source), references, {
      identity: { auths },
      subject: { kind: 'job', id: job.id, image: nameOf(job.source), principal: job.principal },
      platform: platform === undefined ? undefined : parsePlatform(platform),
      format,
      compression,
      signal,
      onEvent,
    });
  };

  return {
    async run(id, outer) {
      const job = await store.update(id, (current) => {
        if (isFinal(current.state) || current.isCancelRequested || current.attempts >= maxAttempts) return current;
        const startedAt = current.startedAt ?? new Date().toISOString();
        return { ...current, state: 'running', startedAt, attempts: current.attempts + 1, daemon };
      });
      if (job === undefined || isFinal(job.state)) return 'done';
      await using journal = await journalOf(id);
      if (job.isCancelRequested) {
        await finish(job, journal, { ...job, state: 'cancelled' });
        return 'done';
      }
      if (job.state !== 'running' || job.daemon !== daemon) {
        const message = `the daemon ended ${job.attempts} times while it worked on this job`;
        await finish(job, journal, { ...job, state: 'failed', error: tooOften(message) });
        return 'done';
      }
      journal.step({ type: 'job:started', attempt: job.attempts, daemon });
      await journal.flush();
      using watch = watchCancellation(id, outer, options);
      const reached = new Map<string, Extract<PushEvent, { readonly type: 'push:finished' }>>();
      const onEvent = (event: PushEvent): void => {
        journal.push(event);
        if (event.type === 'push:finished') reached.set(`${event.destination}:${event.tag}`, event);
      };
      try {
        const results = await push(job, { onEvent, signal: watch.signal });
        const destinations = job.destinations.map((destination, at) => destinationOf(destination, results[at]));
        const state: JobState = destinations.every((each) => each.state === 'pushed') ? 'pushed' : 'failed';
        await finish(job, journal, { state, destinations, error: undefined });
      } catch (error) {
        if (watch.signal.aborted && !(watch.signal.reason instanceof JobCancelled)) {
          if (watch.signal.reason instanceof JobLost) log.warn({ job: id }, watch.signal.reason.message);
          else await release(store, journal, job);
          return 'handed-over';
        }
        const state = watch.signal.aborted ? 'cancelled' : 'failed';
        // What was reached before stays reached.
        const destinations = job.destinations.map((destination): JobDestination => {
          const end = reached.get(familiarString(parseReference(destination.reference)));
          return end === undefined
            ? destination
            : { ...destination, state: 'pushed', digest: end.digest, totals: end.totals };
        });
        const failure = state === 'failed' ? failureOf(error) : undefined;
        await finish(job, journal, { state, destinations, error: failure });
      }
      return 'done';
    },
    async cancelWaiting(id) {
      const job = await store.get(id);
      if (job === undefined || job.state !== 'queued') return job;
      await using journal = await journalOf(id);
      return await finish(job, journal, { ...job, state: 'cancelled' });
    },
  };
}

function tooOften(message: string): JobFailure {
  return failureOf(new ServerError('ERR_SERVER_JOB_ATTEMPTS', message));
}

/** Puts a job back as this daemon stops; the attempt does not count, as the daemon ended in order. */
async function release(store: JobStore, journal: JobJournal, job: JobRecord): Promise<void> {
  journal.step({ type: 'job:interrupted', attempt: job.attempts });
  await journal.flush();
  await store.update(job.id, (current) =>
    current.attempts === job.attempts && !isFinal(current.state)
      ? { ...current, state: 'queued', attempts: job.attempts - 1 }
      : current,
  );
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

async function openJobSource(
  source: JobSource,
  { images, archiveFolder, spoolFolder }: JobRunnerOptions,
  signal: AbortSignal,
): Promise<ImageSource> {
  if (source.kind === 'image') return await images.open(source.name, { signal });
  return await openSource(join(archiveFolder, source.file), { signal, spoolFolder });
}

/** The image that a job is about. @throws {RequestError} 400 when there is none, or more than one and none was chosen */
export function selectItem({ items }: Pick<ImageSource, 'items'>, source: JobSource): SourceItem {
  const image = source.kind === 'archive' ? source.image : undefined;
  const names = items.flatMap((item) => item.names);
  const [item, ...others] = image === undefined ? items : items.filter((each) => each.names.includes(image));
  if (item === undefined) {
    throw new RequestError(
      400,
      image === undefined
        ? 'the archive holds no image'
        : `the archive holds no image ${image}; it has ${names.join(', ')}`,
    );
  }
  if (others.length > 0 && image === undefined) {
    throw new RequestError(
      400,
      `the archive holds several images, and \`image\` chooses none of them: ${names.join(', ')}`,
    );
  }
  return item;
}

/** What people call the source of a job. */
export function nameOf(source: JobSource): string {
  return source.kind === 'image' ? source.name : (source.image ?? 'uploaded archive');
}

function destinationOf(destination: JobDestination, result: PushResult | undefined): JobDestination {
  const { reference } = destination;
  if (result === undefined) return destination;
  if (!result.ok) return { reference, state: 'failed', totals: result.totals, error: failureOf(result.error) };
  const { digest, mediaType, size, unchanged, totals } = result;
  return { reference, state: 'pushed', digest, mediaType, size, unchanged, totals };
}
