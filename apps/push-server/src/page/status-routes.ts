import type { FastifyRequest } from 'fastify';
import { sendJSON } from '../docker/stream/send-json.ts';
import type { EngineContext } from '../engine/engine-context.ts';
import type { TransferHolder } from '../engine/fair-transfers.ts';
import { RequestError } from '../errors.ts';
import type { JobRecord } from '../jobs/record/job.ts';
import { repositoriesOf } from '../jobs/record/job-repositories.ts';
import type { ApiRoute } from '../jobs/routes/api-route.ts';
import { seenRow } from '../jobs/routes/jobs/seen-names.ts';
import { openEventStream } from '../jobs/routes/server-sent-events.ts';
import { nameOf } from '../jobs/run/job-sources.ts';
import type { JobService } from '../jobs/service/job-service.ts';
import { repositoryOf, type Sight, sightOf } from '../security/sight.ts';
import { version } from '../version.ts';
import { createDiskView } from './disk-view.ts';
import { foldJobEvents, type PushSummary } from './push-board.ts';
import type { PushRow } from './push-fold.ts';
import { statusJobs } from './status-jobs.ts';

/** Changes of that long are told together. */
const tellMs = 250;
/** Pushes that a new reader is told of, row by row. */
const maxShown = 50;

type StatusNeeds = Pick<
  EngineContext,
  'board' | 'activity' | 'log' | 'shared' | 'transfers' | 'jobShares' | 'disk' | 'config'
>;

/** What the status page asks: how things stand, how they go on, and how a push went. */
export function statusRoutes(context: StatusNeeds, jobs: JobService): readonly ApiRoute[] {
  const { board, activity, log } = context;
  const startedAt = new Date().toISOString();

  jobs.channel.subscribe((news) => {
    if (news.kind !== 'event') return;
    board.observe(news.job, news.event, async () => {
      const job = await jobs.store.get(news.job);
      return job && { image: nameOf(job.source), principal: job.principal, destinations: referencesOf(job) };
    });
  });

  // However many readers there are, jobs are listed once a moment, and anew when there is news of them: a reader is
  // told once.
  const listed = new Map<string, { readonly at: number; readonly jobs: Promise<readonly unknown[]> }>();
  jobs.channel.subscribe((news) => {
    if (news.kind !== 'event' || news.event.type.startsWith('job:')) listed.clear();
  });
  const listJobs = async (sight: Sight): Promise<readonly unknown[]> => {
    const now = Date.now();
    for (const [key, { at }] of listed) if (now - at >= tellMs) listed.delete(key);
    const found = listed.get(sight.key) ?? { at: now, jobs: statusJobs(jobs, sight) };
    listed.set(sight.key, found);
    return await found.jobs;
  };
  /** Who holds what others wait for; whoever does not see everybody is told of themselves. */
  const holders = ({ sight, name }: Reader): readonly TransferHolder[] =>
    context.transfers.holders().filter(({ principal }) => sight.seesAll || principal === name);
  const slots = (reader: Reader): unknown => {
    const { registries, principals } = context.jobShares.running;
    const isTold = ([principal]: readonly [string, number]): boolean =>
      reader.sight.seesAll || principal === reader.name;
    return {
      transfers: holders(reader),
      jobs: {
        registries: reader.sight.seesAll ? Object.fromEntries(registries) : {},
        principals: Object.fromEntries([...principals].filter(isTold)),
      },
    };
  };
  const seesPush = ({ sight }: Reader, { id, kind, image, principal, destinations }: PushSummary): boolean => {
    const names = kind === 'job' ? destinations : [image, ...destinations];
    const repositories = jobs.index.get(id)?.repositories ?? names.map((name) => repositoryOf(name) ?? name);
    return sight.work({ principal, repositories });
  };
  const disk = createDiskView(context);
  const daemon = (reader: Reader): unknown => ({
    name: jobs.daemon,
    version,
    startedAt,
    pushes: activity.running('push'),
    jobs: activity.running('job'),
    queued: jobs.index.count('queued'),
    loads: activity.running('load'),
    isShared: context.shared !== undefined,
    redis: context.shared && (context.shared.fault ?? 'up'),
    disk: disk(),
    transfers: holders(reader),
    isClosing: activity.isClosing,
    daemons: jobs.roster.list(),
  });

  return [
    {
      method: 'GET',
      path: '/slipway/v1/status',
      operation: 'getStatus',
      summary: 'What the daemon does just now',
      access: 'read',
      responses: { 200: { description: 'Daemon, pushes, jobs, rates.', schema: { type: 'object' } } },
      async handle(request, reply) {
        const reader = readerOf(request);
        return sendJSON(reply, {
          daemon: daemon(reader),
          pushes: board.list().filter((push) => seesPush(reader, push)),
          jobs: await listJobs(reader.sight),
          rates: board.rates(),
          slots: slots(reader),
        });
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/status/events',
      operation: 'followStatus',
      summary: 'The same, and what changes, as server-sent events',
      description:
        '`daemon`, `jobs` and `rates` come whole, `push` with the rows that changed (all of them at first). ' +
        'A slow reader gets them less often.',
      access: 'read',
      responses: { 200: { description: 'Events.', contentType: 'text/event-stream', schema: { type: 'object' } } },
      async handle(request, reply) {
        const reader = readerOf(request);
        reply.hijack();
        using stream = openEventStream(reply.raw, activity.onClosing);
        const dirty = new Map<string, Set<string>>();
        let areJobsNew = true;
        let told = 0;
        for (const { id } of board.list().slice(0, maxShown).reverse()) {
          dirty.set(id, new Set(board.get(id)?.rows.map(({ key }) => key)));
        }
        const leaveBoard = board.subscribe(({ id, row }) => {
          const rows = dirty.get(id) ?? new Set();
          if (row !== undefined) rows.add(row);
          dirty.set(id, rows);
          if (row === undefined) areJobsNew = true;
        });
        const leaveChannel = jobs.channel.subscribe((news) => {
          areJobsNew ||= news.kind !== 'event' || news.event.type.startsWith('job:');
        });
        const tell = async (): Promise<void> => {
          if (stream.isBehind) return;
          if (Date.now() - told >= 1_000) {
            told = Date.now();
            stream.send({ name: 'daemon', data: daemon(reader) });
            stream.send({ name: 'rates', data: board.rates() });
          }
          if (areJobsNew) {
            areJobsNew = false;
            stream.send({ name: 'jobs', data: await listJobs(reader.sight) });
          }
          const summaries = new Map(board.list().map((summary) => [summary.id, summary]));
          for (const [id, rows] of dirty) {
            dirty.delete(id);
            const summary = summaries.get(id);
            if (summary === undefined || !seesPush(reader, summary)) continue;
            stream.send({
              name: 'push',
              data: {
                ...summary,
                rows: seenRows(
                  [...rows].flatMap((key) => board.row(id, key) ?? []),
                  reader,
                ),
              },
            });
          }
        };
        const timer = setInterval(
          () => void tell().catch((err) => log.warn({ err }, 'the status cannot be told')),
          tellMs,
        );
        await tell();
        await new Promise<void>((resolve) => {
          if (stream.signal.aborted) resolve();
          stream.signal.addEventListener('abort', () => resolve(), { once: true });
        });
        clearInterval(timer);
        leaveBoard();
        leaveChannel();
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/pushes/{id}',
      operation: 'getPush',
      summary: 'A push with its timeline: what each blob did when, and what it waited for',
      description:
        'Pushes through the Engine API are known for a while after they ended, those of jobs as long as the job.',
      access: 'read',
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          schema: { type: 'string', pattern: '^[0-9a-f]{24}$' },
          description: 'Of a push, or of a job.',
        },
      ],
      responses: { 200: { description: 'The push and its rows.', schema: { type: 'object' } } },
      async handle(request, reply) {
        const { id = '' } = request.params as { readonly id?: string };
        const reader = readerOf(request);
        const found = board.get(id);
        const shown = found !== undefined && seesPush(reader, found) ? found : undefined;
        if (shown !== undefined && shown.rows.length > 0) {
          return sendJSON(reply, { ...shown, rows: seenRows(shown.rows, reader) });
        }
        const job = /^[0-9a-f]{24}$/.test(id) ? await jobs.store.get(id) : undefined;
        const isSeen =
          job !== undefined && reader.sight.work({ principal: job.principal, repositories: repositoriesOf(job) });
        if (!isSeen) throw new RequestError(404, `no such push: ${id.slice(0, 64)}`);
        const { rows, bytesSent } = foldJobEvents(await jobs.store.events(id, 0));
        return sendJSON(reply, {
          id,
          kind: 'job',
          image: nameOf(job.source),
          principal: job.principal,
          destinations: referencesOf(job),
          state: job.state,
          startedAt: Date.parse(job.startedAt ?? job.createdAt),
          endedAt: job.finishedAt === undefined ? undefined : Date.parse(job.finishedAt),
          bytesSent,
          errors: [job.error, ...job.destinations.map(({ error }) => error)].filter((error) => error !== undefined),
          rows: seenRows(rows, reader),
        });
      },
    },
  ];
}

/** Whoever looks. */
interface Reader {
  readonly name: string;
  readonly sight: Sight;
}

function readerOf({ principal }: FastifyRequest): Reader {
  return { name: principal.name, sight: sightOf(principal) };
}

function seenRows(rows: readonly PushRow[], { sight }: Reader): readonly PushRow[] {
  return rows.map((row) => seenRow(row, sight));
}

function referencesOf(job: JobRecord): readonly string[] {
  return job.destinations.map(({ reference }) => reference);
}
