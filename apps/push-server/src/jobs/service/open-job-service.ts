import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ClientEnvironment } from '@slipway/client';
import { makeFolder } from '@slipway/file-lock';
import type { ImageStore } from '@slipway/image-store';
import { dispatcherFor, readProxyVariables } from '@slipway/registry-client/proxy';
import type { Logger } from 'pino';
import type { ServerConfig } from '../../config/server-config.ts';
import type { Activity } from '../../engine/activity.ts';
import { documentLimits } from '../../engine/document-limits.ts';
import { isDiskFull } from '../../engine/folder/disk-full.ts';
import type { SpaceReserve } from '../../engine/folder/space-reserve.ts';
import type { PushService } from '../../engine/push-service.ts';
import { RequestError } from '../../errors.ts';
import type { Metrics } from '../../operation/metrics.ts';
import type { AuditLog } from '../../security/audit.ts';
import { version } from '../../version.ts';
import { createBacklog } from '../queue/backlog.ts';
import { createBell } from '../queue/bell.ts';
import type { JobBackend } from '../queue/job-backend.ts';
import { createJobGate } from '../queue/job-gate.ts';
import type { QueuedJob, WorkOutcome } from '../queue/job-queue.ts';
import { readFolderID } from '../record/folder-id.ts';
import { isFinal, isJobStep, type JobRecord, type JobStep } from '../record/job.ts';
import { createJobIndex, indexedStore } from '../record/job-index.ts';
import { openJobJournal } from '../record/job-journal.ts';
import { createJobRunner } from '../run/job-runner.ts';
import { createJobSources } from '../run/job-sources.ts';
import { createNamedCredentials } from '../run/named-credentials.ts';
import { openCredentialSeal } from '../run/sealed-credentials.ts';
import { createWebhooks } from '../run/webhooks.ts';
import { createUploads } from '../uploads/uploads.ts';
import type { JobService } from './job-service.ts';
import { createJobUpkeep } from './job-upkeep.ts';
import { noSuchJob } from './no-such-job.ts';
import { retryJob } from './retry-job.ts';
import { repeatedUpload, type SubmitNeeds, submitJob } from './submit-job.ts';

/** Who waits for a job looks at it so often, news or not. */
const lookMs = 5_000;

export interface JobServiceOptions {
  /** Owned by the service. */
  readonly backend: JobBackend;
  readonly config: Pick<
    ServerConfig,
    | 'dataDir'
    | 'jobCredentials'
    | 'jobHistory'
    | 'jobRetentionMs'
    | 'gcIntervalMs'
    | 'allowWebhooks'
    | 'maxLoads'
    | 'jobConcurrency'
  >;
  readonly environment: ClientEnvironment;
  readonly images: ImageStore;
  readonly reserve: Pick<SpaceReserve, 'makingRoom'>;
  readonly pushes: PushService;
  readonly activity: Activity;
  readonly metrics: Metrics;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly spoolFolder: string;
}

/** Opens the jobs, takes up those that are not finished, and begins to work. */
export async function openJobService(options: JobServiceOptions): Promise<JobService> {
  const { config, environment, images, reserve, pushes, log, audit, activity, metrics, spoolFolder } = options;
  const { queue, channel, roster } = options.backend;
  const index = createJobIndex();
  const store = indexedStore(options.backend.store, index);
  const workStore = indexedStore(options.backend.workStore, index);
  const folder = join(config.dataDir, 'jobs');
  const archiveFolder = join(folder, 'archives');
  await makeFolder(archiveFolder, 0o700);
  const daemon = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const home = await readFolderID(config.dataDir);
  const seal = await openCredentialSeal(folder);
  const named = createNamedCredentials(config.jobCredentials, environment);
  const sources = createJobSources({ images, archiveFolder, spoolFolder, limits: documentLimits(config) });
  const uploads = createUploads(archiveFolder);
  const { variables: env, homeFolder } = environment;
  const proxies = await readProxyVariables({ env, homeFolder, onWarning: (message) => log.warn(message) });
  const webhooks = createWebhooks({
    ...{ allowed: config.allowWebhooks, store: workStore, seal, dispatcher: dispatcherFor(proxies), log },
  });
  /** The secret of a webhook can be read by the daemons of its folder alone. */
  const notify = (job: JobRecord): void => {
    if (job.home === home && job.webhook?.state === 'waiting' && isFinal(job.state)) webhooks.deliver(job);
  };
  /** Jobs may lie elsewhere: the folder is asked only when its disk was too full. */
  const makingRoom: SpaceReserve['makingRoom'] = (work) =>
    work().catch((error: unknown) => {
      if (isDiskFull(error)) return reserve.makingRoom(work);
      throw error;
    });
  const runner = createJobRunner({
    store: workStore,
    makingRoom,
    channel,
    sources,
    gate: createJobGate(),
    pushes,
    seal,
    named,
    audit,
    log,
    keepsFailed: config.jobRetentionMs > 0,
    onReached: () => queue.look(),
    onEnded(job) {
      queue.look();
      metrics.countJob(job);
      notify(job);
    },
    daemon,
  });
  metrics.gauge(
    'slipwayd_jobs_queued',
    'Push jobs that wait, each told by one daemon: the sum over all is what waits',
    () => roster.share((folder) => index.count('queued', folder)),
  );

  const get = async (id: string): Promise<JobRecord> => {
    const job = await store.get(id);
    if (job === undefined) throw noSuchJob(id);
    return job;
  };
  const upkeep = createJobUpkeep({ store, index, sources, isShared: options.backend.isShared, config });
  const tidyTimer = setInterval(
    () => void upkeep.tidy().catch((err) => log.warn({ err }, 'what ended jobs kept cannot be deleted')),
    config.gcIntervalMs,
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
  await upkeep.tidy();
  for (const job of kept) notify(job);
  await roster.join({ name: daemon, home, version, startedAt: new Date().toISOString() });
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

  /** Of jobs that move the same tag, the one that was submitted last moves it last. */
  const mayBegin = (id: string): boolean => {
    const earlier = index.before(id);
    // Another daemon may have ended it, and the news be lost.
    if (earlier !== undefined && options.backend.isShared) void store.get(earlier).then(noteOr(earlier), () => {});
    return earlier === undefined;
  };
  const noteOr = (id: string) => (job: JobRecord | undefined) =>
    job === undefined ? index.forget(id) : index.note(job);

  const workOn = async (id: string, signal: AbortSignal): Promise<WorkOutcome> => {
    try {
      using work = activity.begin('job');
      const either = AbortSignal.any([signal, work.signal]);
      return await runner.run(id, either);
    } catch (err) {
      // The daemon closes, or the store cannot be written: the job stays as it is kept, for the next one.
      log.error({ err, job: id }, 'a push job could not be worked on');
      return 'handed-over';
    } finally {
      void upkeep.prune().catch((err) => log.warn({ err }, 'the history of jobs cannot be cut'));
    }
  };
  await queue.start(workOn, mayBegin);

  const needs: SubmitNeeds = { store, workStore, index, sources, named, log, seal, webhooks, home, step, enqueue };
  return {
    store,
    daemon,
    roster,
    index,
    channel,
    sources,
    namedAuths: (name, registries) => named.auths(name, registries),
    get,
    async submit(request) {
      const submitted = await submitJob(request, needs);
      const { upload, principal } = request;
      // What stays of it goes by itself in a day.
      if (upload !== undefined) {
        await uploads.delete(upload.id, principal).catch((err) => log.debug({ err }, 'an upload stays a while'));
      }
      return submitted;
    },
    repeatedUpload: (request) => repeatedUpload(request, needs),
    async cancel(id) {
      // What a job holds goes with it: the reserve of a full disk is for that as well.
      const job = await makingRoom(() =>
        store.update(id, (current) => (isFinal(current.state) ? current : { ...current, isCancelRequested: true })),
      );
      if (job === undefined) throw noSuchJob(id);
      if (job.state === 'queued') {
        await queue.remove(job);
        await runner.cancelWaiting(id);
      }
      channel.publish({ kind: 'cancel', job: id });
      return await get(id);
    },
    async retry(id, options) {
      await retryJob(await get(id), options, needs);
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
      await roster[Symbol.asyncDispose](); // after what it worked on: others may take over then
      await channel[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
