import { createHash, randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ClientEnvironment } from '@slipway/client';
import type { ImageStore } from '@slipway/image-store';
import { dispatcherFor, readProxyVariables } from '@slipway/registry-client/proxy';
import type { Logger } from 'pino';
import type { ServerConfig } from '../config/server-config.ts';
import type { Activity } from '../engine/activity.ts';
import type { PushService } from '../engine/push-service.ts';
import { RequestError } from '../errors.ts';
import type { Metrics } from '../operation/metrics.ts';
import type { AuditLog } from '../security/audit.ts';
import { createBacklog } from './queue/backlog.ts';
import { createBell } from './queue/bell.ts';
import type { JobBackend } from './queue/job-backend.ts';
import { createJobGate } from './queue/job-gate.ts';
import type { QueuedJob } from './queue/job-queue.ts';
import type { LiveChannel } from './queue/live-channel.ts';
import { readFolderID } from './record/folder-id.ts';
import {
  isFinal,
  isJobStep,
  type JobDestination,
  type JobOptions,
  type JobPriority,
  type JobRecord,
  type JobSource,
  type JobStep,
} from './record/job.ts';
import { createJobIndex, indexedStore, type JobIndex } from './record/job-index.ts';
import { openJobJournal } from './record/job-journal.ts';
import type { JobStore } from './record/job-store.ts';
import { createJobRunner } from './run/job-runner.ts';
import { createJobSources, type JobSources } from './run/job-sources.ts';
import { createNamedCredentials } from './run/named-credentials.ts';
import { type Auths, openCredentialSeal } from './run/sealed-credentials.ts';
import { createWebhooks } from './run/webhooks.ts';
import { createUploads, type Uploads } from './uploads/uploads.ts';

/** What a client asks for. References are canonical, with their tags. */
export interface JobRequest {
  readonly source: JobSource;
  readonly destinations: readonly string[];
  readonly options: JobOptions;
  readonly principal: string;
  readonly auths: Auths;
  readonly credentialsName: string | undefined;
  /** The same key of the same principal means the same job. */
  readonly idempotencyKey: string | undefined;
  /** What the archive's bytes are; it tells a repeated upload from another one. */
  readonly contentHash?: string | undefined;
  readonly priority?: JobPriority | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly webhook?: { readonly url: string; readonly secret?: string | undefined } | undefined;
}

/** Push jobs, from their submission to their history. */
export interface JobService extends AsyncDisposable {
  readonly store: JobStore;
  /** What this daemon is called in the jobs that it works on. */
  readonly daemon: string;
  /** All jobs at a glance. */
  readonly index: JobIndex;
  readonly channel: LiveChannel;
  /** What jobs push. A request owns what it holds until `submit` has taken it. */
  readonly sources: JobSources;
  /**
   * `isNew` is false for a repeated request.
   * @throws {RequestError} 422 when the idempotency key was used for something else; 503
   */
  submit(request: JobRequest): Promise<{ readonly job: JobRecord; readonly isNew: boolean }>;
  /** Asks for the end of a job; one that ended already stays as it is. @throws {RequestError} 404 */
  cancel(id: string): Promise<JobRecord>;
  /**
   * Lets a failed job run again, for the destinations that it has not reached.
   *
   * @throws {RequestError} 404; 409 when it has not failed, or what it pushes is kept no more; 400 when it came with
   *   credentials, which were dropped, and none come with the retry
   */
  retry(id: string, options: RetryOptions): Promise<JobRecord>;
  /** Forgets a job that has ended. @throws {RequestError} 404, 409 */
  forget(id: string): Promise<void>;
  /** Credentials of the daemon's configuration. @throws {RequestError} 400 when there are none of this name */
  namedAuths(name: string, registries: readonly string[]): Promise<Auths>;
  /** @throws {RequestError} 404 */
  get(id: string): Promise<JobRecord>;
  /** Archives that come in parts. */
  readonly uploads: Uploads;
  /** @throws {RequestError} 400, 403 for a webhook that is not allowed */
  assertWebhook(url: string): void;
  /** The job once it has ended, or as it stands when the time is up. @throws {RequestError} 404 */
  waitFor(id: string, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<JobRecord>;
  /** Hands out no further job, so that the running ones can be waited for. */
  pause(): Promise<void>;
}

export interface RetryOptions {
  readonly principal: string;
  /** New ones, in place of those that were dropped. */
  readonly auths: Auths;
}

/** Who waits for a job looks at it so often, news or not. */
const lookMs = 5_000;

/** Unfinished jobs at once. */
const maxUnfinished = 10_000;

export interface JobServiceOptions {
  /** Owned by the service. */
  readonly backend: JobBackend;
  readonly config: Pick<
    ServerConfig,
    'dataDir' | 'jobCredentials' | 'jobHistory' | 'jobRetentionMs' | 'gcIntervalMs' | 'allowWebhooks'
  >;
  readonly environment: ClientEnvironment;
  readonly images: ImageStore;
  readonly pushes: PushService;
  readonly activity: Activity;
  readonly metrics: Metrics;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly spoolFolder: string;
}

/** Opens the jobs, takes up those that are not finished, and begins to work. */
export async function openJobService(options: JobServiceOptions): Promise<JobService> {
  const { config, environment, images, pushes, log, audit, activity, metrics, spoolFolder } = options;
  const { queue, channel } = options.backend;
  const index = createJobIndex();
  const store = indexedStore(options.backend.store, index);
  const workStore = indexedStore(options.backend.workStore, index);
  const folder = join(config.dataDir, 'jobs');
  const archiveFolder = join(folder, 'archives');
  await mkdir(archiveFolder, { recursive: true, mode: 0o700 });
  const daemon = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const home = await readFolderID(config.dataDir);
  const seal = await openCredentialSeal(folder);
  const named = createNamedCredentials(config.jobCredentials, environment);
  const sources = createJobSources({ images, archiveFolder, spoolFolder });
  const uploads = createUploads(archiveFolder);
  const { variables: env, homeFolder } = environment;
  const proxies = await readProxyVariables({ env, homeFolder, onWarning: (message) => log.warn(message) });
  const webhooks = createWebhooks({
    ...{ allowed: config.allowWebhooks, store: workStore, seal, dispatcher: dispatcherFor(proxies), log },
  });
  /** The secret of a webhook can be read by the daemons of its folder alone. */
  const notify = (job: JobRecord): void => {
    if (job.home === home && job.webhook?.state === 'waiting' && isFinal(job.state)) webhooks.deliver(job.id);
  };
  const runner = createJobRunner({
    store: workStore,
    channel,
    sources,
    gate: createJobGate(),
    pushes,
    seal,
    named,
    audit,
    log,
    keepsFailed: config.jobRetentionMs > 0,
    onEnded(job) {
      metrics.countJob(job);
      notify(job);
    },
    daemon,
  });
  // Of this data folder alone: the sum over all daemons is what waits.
  metrics.gauge('slipwayd_jobs_queued', 'Push jobs that wait for a daemon of this data folder', () =>
    index.count('queued', home),
  );

  const get = async (id: string): Promise<JobRecord> => {
    const job = await store.get(id);
    if (job === undefined) throw noSuchJob(id);
    return job;
  };
  /** Drops what failed jobs kept for a retry once its time is up, and what no job needs. */
  const tidy = async (): Promise<void> => {
    const jobs = await store.list();
    const limit = new Date(Date.now() - config.jobRetentionMs).toISOString();
    const needed: JobRecord[] = [];
    for (const job of jobs) {
      if (!isFinal(job.state)) needed.push(job);
      else if (job.isSourceKept === true && (job.finishedAt ?? '') > limit) needed.push(job);
      else if (job.isSourceKept === true) await dropSource(job);
    }
    await sources.releaseOrphans(needed.map(({ source }) => source));
  };
  const dropSource = async (job: JobRecord): Promise<void> => {
    let isDropped = false;
    await store.update(job.id, (current) => {
      isDropped = isFinal(current.state);
      return isDropped ? { ...current, isSourceKept: false } : current;
    });
    if (isDropped) await sources.release(job.source);
  };
  /** Of the jobs that ended, only the newest stay. */
  const prune = async (): Promise<void> => {
    for (const id of index.endedBeyond(config.jobHistory)) {
      const job = await store.get(id);
      await store.delete(id);
      if (job !== undefined) await sources.release(job.source);
    }
  };
  const tidyTimer = setInterval(
    () => void tidy().catch((err) => log.warn({ err }, 'what ended jobs kept cannot be deleted')),
    Math.max(1_000, config.gcIntervalMs),
  );
  tidyTimer.unref();

  const step = async (id: string, what: JobStep): Promise<void> => {
    const onFailure = (err: unknown): void => log.warn({ err }, 'events are not kept');
    await using journal = await openJobJournal({ id, store, channel, onFailure });
    journal.step(what);
  };

  // A job that is kept is accepted: where it cannot be queued just now, that is made up for.
  const backlog = createBacklog<QueuedJob>((job) => queue.add(job), log);
  const enqueue = async (job: QueuedJob): Promise<void> => {
    await queue.add(job).catch((err) => {
      log.warn({ err, job: job.id }, 'a push job is queued later');
      backlog.add(job);
    });
  };

  // Oldest first: what a daemon that died left behind, and what was kept but not queued when it did.
  const kept = await store.list();
  const unfinished = kept.filter(({ state }) => !isFinal(state)).reverse();
  for (const job of unfinished) await queue.add(job);
  await tidy();
  for (const job of kept) notify(job);
  if (unfinished.length > 0) log.info({ jobs: unfinished.length }, 'unfinished push jobs are taken up');

  /** What another daemon did to a job. One that it ended while it waited needs nothing here any more. */
  const noteForeign = (job: JobRecord): void => {
    index.note(job);
    notify(job);
    if (job.home !== home || !isFinal(job.state) || job.isSourceKept === true) return;
    sources.release(job.source).catch((err) => log.warn({ err, job: job.id }, 'what a job pushed stays a while'));
  };
  // What other daemons do to a job is told by its events; what is missed, the next look at all jobs finds.
  const forgetNews = channel.subscribe((news) => {
    if (!options.backend.isShared || news.kind !== 'event' || !isJobStep(news.event)) return;
    void store.get(news.job).then(
      (job) => (job === undefined ? index.forget(news.job) : noteForeign(job)),
      () => {},
    );
  });

  await queue.start(async (id, signal) => {
    try {
      using work = activity.begin('job');
      const either = AbortSignal.any([signal, work.signal]);
      return await runner.run(id, either);
    } catch (err) {
      // The daemon closes, or the store cannot be written: the job stays as it is kept, for the next one.
      log.error({ err, job: id }, 'a push job could not be worked on');
      return 'handed-over';
    } finally {
      void prune().catch((err) => log.warn({ err }, 'the history of jobs cannot be cut'));
    }
  });

  /** A submission whose answer did not come in time must not be worked on: nobody would know of it. */
  const withdraw = async (id: string, submission: string): Promise<void> => {
    const job = await workStore.update(id, (current) =>
      current.state === 'queued' && current.submission === submission
        ? { ...current, state: 'cancelled', finishedAt: new Date().toISOString() }
        : current,
    );
    if (job?.submission === submission && job.state === 'cancelled') await workStore.delete(id);
  };

  return {
    store,
    daemon,
    index,
    channel,
    sources,
    namedAuths: (name, registries) => named.auths(name, registries),
    get,
    async submit(request) {
      const { source, destinations, options, principal, auths, credentialsName, idempotencyKey, contentHash } = request;
      const { priority, labels, webhook } = request;
      if (index.count('queued') + index.count('running') >= maxUnfinished)
        throw new RequestError(503, 'there are too many push jobs already');
      if (credentialsName !== undefined) named.assertKnown(credentialsName);
      // The same key leads to the same record, whoever is asked: no second list has to be kept in step.
      const id =
        idempotencyKey === undefined
          ? randomBytes(12).toString('hex')
          : digest([principal, idempotencyKey]).slice(0, 24);
      // The content, not its name: the same name may mean another image by now.
      const requestHash = digest([
        subjectOf(source, contentHash),
        destinations,
        options,
        credentialsName ?? null,
        labels,
        webhook?.url,
      ]);
      const submission = randomBytes(6).toString('hex');
      const job: JobRecord = {
        id,
        state: 'queued',
        source,
        options,
        destinations: destinations.map((reference) => ({ reference, state: 'pending' })),
        repositories: options['allTags'] === true ? destinations : undefined,
        principal,
        createdAt: new Date().toISOString(),
        attempts: 0,
        isCancelRequested: false,
        submission,
        requestHash,
        home,
        sealedCredentials: auths.size === 0 ? undefined : seal.seal(id, auths),
        credentialsName,
        priority,
        labels,
        webhook: webhook && { url: webhook.url, state: 'waiting', attempts: 0 },
        sealedWebhook: webhooks.seal(id, webhook?.secret),
      };
      const kept = await store.create(job).catch((error: unknown) => {
        withdraw(id, submission).catch((err) => log.warn({ err, job: id }, 'a job cannot be taken back'));
        throw error;
      });
      if (kept.requestHash !== requestHash) {
        throw new RequestError(422, 'the idempotency key was used for another request');
      }
      const isNew = kept === job;
      if (isNew) await step(id, { type: 'job:queued' });
      // This answer makes up for the first one's, should that not have reached its client.
      else await store.update(id, (current) => (isFinal(current.state) ? current : { ...current, submission }));
      // Also of a repeated request: the first one may have been cut off between the two.
      if (!isFinal(kept.state)) await enqueue(kept);
      return { job: kept, isNew };
    },
    async cancel(id) {
      const job = await store.update(id, (current) =>
        isFinal(current.state) ? current : { ...current, isCancelRequested: true },
      );
      if (job === undefined) throw noSuchJob(id);
      if (job.state === 'queued') {
        await queue.remove(job);
        await runner.cancelWaiting(id);
      }
      channel.publish({ kind: 'cancel', job: id });
      return await get(id);
    },
    async retry(id, { principal, auths }) {
      const asked = await get(id);
      if (auths.size > 0 && asked.home !== home) {
        throw new RequestError(
          409,
          `job ${id} lies with another daemon: send its credentials to that one (${asked.daemon})`,
        );
      }
      if (asked.hadCredentials === true && asked.credentialsName === undefined && auths.size === 0) {
        throw new RequestError(400, `the credentials of job ${id} were dropped when it ended: send them once more`);
      }
      let isTaken = false;
      const sealed = auths.size === 0 ? undefined : seal.seal(id, auths);
      const job = await store.update(id, (current) => {
        isTaken = current.state === 'failed' && current.isSourceKept === true;
        if (!isTaken) return current;
        const { finishedAt: _finishedAt, error: _error, deaths: _deaths, crashes: _crashes, ...rest } = current;
        const kept = current.repositories === undefined ? current.destinations : [];
        const asked = current.repositories?.map((reference) => ({ reference, state: 'pending' }) as const) ?? [];
        const destinations = [...asked, ...kept].map(
          (each): JobDestination => (each.state === 'pushed' ? each : { reference: each.reference, state: 'pending' }),
        );
        const again = {
          state: 'queued',
          isSourceKept: false,
          isCancelRequested: false,
          sealedCredentials: sealed,
          webhook: current.webhook && ({ url: current.webhook.url, state: 'waiting', attempts: 0 } as const),
        } as const;
        return { ...rest, ...again, destinations };
      });
      if (job === undefined) throw noSuchJob(id);
      if (!isTaken) {
        const why = job.state === 'failed' ? 'what it pushes is kept no more: submit it anew' : `it is ${job.state}`;
        throw new RequestError(409, `job ${id} cannot be retried: ${why}`);
      }
      await step(id, { type: 'job:retried', principal });
      await enqueue(job);
      return await get(id);
    },
    async forget(id) {
      const job = await get(id);
      if (!isFinal(job.state)) throw new RequestError(409, `job ${id} is ${job.state}: cancel it first`);
      await store.delete(id);
      await sources.release(job.source);
    },
    uploads,
    assertWebhook: (url) => webhooks.assertAllowed(url),
    async waitFor(id, { timeoutMs, signal }) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      // What is missed with a connection is found by looking.
      const news = createBell();
      using _leave = { [Symbol.dispose]: channel.subscribe((each) => each.job === id && news.ring()) };
      for (;;) {
        const job = await get(id);
        if (isFinal(job.state) || limit.aborted) return job;
        await news.heard(limit, lookMs);
      }
    },
    pause: () => queue.pause(),
    async [Symbol.asyncDispose]() {
      clearInterval(tidyTimer);
      forgetNews();
      backlog[Symbol.dispose]();
      await webhooks[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
      await channel[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** What is said of a job that is not there, and of one that whoever asks does not see. */
export function noSuchJob(id: string): RequestError {
  return new RequestError(404, `no such job: ${id}`);
}

/** What a job is about, so that the same submission makes the same text. */
function subjectOf(source: JobSource, contentHash: string | undefined): readonly unknown[] {
  const { kind, content } = source;
  const held = kind === 'images' ? source.held.map(({ name, content: { id, manifest } }) => [name, id, manifest]) : [];
  const place = kind === 'registry' ? source.reference : null;
  return [kind, contentHash, content?.id, content?.manifest ?? null, place, held];
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
