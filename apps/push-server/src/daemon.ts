import { type ServerConfig, settings } from './config/server-config.ts';
import type { EngineContext } from './engine/engine-context.ts';
import { fullDisk, isDiskFull } from './engine/folder/disk-full.ts';
import { type EngineContextOptions, openEngineContext } from './engine/open-engine-context.ts';
import { openJobs } from './jobs/queue/open-jobs.ts';
import { slipwayRoutes } from './jobs/routes/slipway-routes.ts';
import type { JobService } from './jobs/service/job-service.ts';
import { type Listeners, openListeners } from './listeners/open-listeners.ts';
import { registerStateMetrics } from './operation/state-metrics.ts';
import { createRequestHandler, type RequestHandlerOptions } from './server.ts';
import { openTracing } from './tracing/open-tracing.ts';
import { version } from './version.ts';

/** A running daemon. */
export interface Daemon {
  readonly context: EngineContext;
  /** Every route that it serves: `GET /images/json`. */
  readonly routes: readonly string[];
  /** Where it listens, with the ports that were chosen. */
  readonly addresses: readonly string[];
  /**
   * Takes up what can change while it runs: certificates, rules for rights, the issuer, the level of the log, the
   * file of the audit. What else is new waits for the next start, and is named in the log.
   *
   * @throws {ServerError} when a certificate or a rule cannot be used; everything stays as it was then
   */
  reload(config: ServerConfig): Promise<void>;
  /** What it does now, for the log: work by kind, jobs that wait, memory. */
  state(): Readonly<Record<string, unknown>>;
  /**
   * Takes nothing new, lets what runs finish within the time that is configured, aborts the rest, closes everything.
   * Idempotent.
   *
   * @returns whether all was closed in time; traces that no collector takes do not count
   */
  stop(): Promise<boolean>;
}

/**
 * Starts the daemon: opens its stores, then its listeners.
 *
 * @throws {ServerError} when it cannot start; nothing is left open then
 */
export async function startDaemon(options: EngineContextOptions, routes: RequestHandlerOptions = {}): Promise<Daemon> {
  return await start(options, routes).catch((error: unknown) => {
    throw isDiskFull(error) ? fullDisk(options.config.dataDir, error) : error;
  });
}

async function start(options: EngineContextOptions, routes: RequestHandlerOptions): Promise<Daemon> {
  const { config, log } = options;
  const tracing = await openTracing(options.environment.variables, log);
  const context = await openEngineContext({ ...options, tracing }).catch(async (error: unknown) => {
    await tracing[Symbol.asyncDispose]();
    throw error;
  });
  let listeners: Listeners | undefined;
  let jobs: JobService | undefined;
  try {
    const opened = await openJobs(context);
    jobs = opened;
    registerStateMetrics(context);
    const further = [slipwayRoutes(opened), ...(routes.further ?? [])];
    const handler = await createRequestHandler(context, { ...routes, further });
    listeners = await openListeners({
      config,
      handler,
      tokens: context.tokens,
      variables: options.environment.variables,
      log,
    });
    const { addresses } = listeners;
    const open = listeners;
    log.info({ version, addresses, settings: shownSettings(config) }, 'slipwayd listens');
    let stopping: Promise<boolean> | undefined;
    const stop = async (): Promise<boolean> => {
      let isWhole = true;
      log.info('slipwayd stops');
      // The last part of the time is for letting go: of what is aborted, then of what is open.
      const lettingGoMs = Math.min(5_000, Math.max(1_000, config.shutdownTimeoutMs / 4));
      const deadline = createDeadline(Math.max(config.shutdownTimeoutMs, lettingGoMs));
      // While work ends, whoever comes is told so: a load balancer sends them elsewhere.
      await context.activity.close(Math.max(0, config.shutdownTimeoutMs - lettingGoMs), lettingGoMs / 2);
      open.stopAccepting();
      const parts = { listeners: open, routes: handler, jobs: opened, stores: context };
      for (const [name, part] of Object.entries(parts)) {
        const isClosed = await deadline.inTime(part[Symbol.asyncDispose]());
        if (!isClosed) log.error({ part: name }, 'what hangs is left behind');
        isWhole &&= isClosed;
      }
      const isSent = await deadline.inTime(tracing[Symbol.asyncDispose]());
      if (!isSent) log.warn('the last traces are lost: the collector did not take them in time');
      log.info('slipwayd has stopped');
      return isWhole;
    };
    return {
      context,
      routes: handler.routes,
      addresses,
      async reload(fresh) {
        const takeRights = await context.gatekeeper.prepare(fresh);
        await open.reload(fresh);
        takeRights();
        await context.audit.reopen();
        log.level = fresh.logLevel;
        const waiting = restartSettings(config, fresh);
        log.info({ waiting: waiting.length > 0 ? waiting : undefined }, 'slipwayd has read its settings again');
      },
      state() {
        const { activity } = context;
        const kinds = ['push', 'load', 'save', 'job'] as const;
        const running = Object.fromEntries(kinds.map((kind) => [kind, activity.running(kind)]));
        const { rss, heapUsed } = process.memoryUsage();
        return {
          ...{ version, addresses, running, jobsQueued: opened.index.count('queued'), isClosing: activity.isClosing },
          ...{ upSeconds: Math.round(process.uptime()), rssBytes: rss, heapBytes: heapUsed },
        };
      },
      stop() {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await listeners?.[Symbol.asyncDispose]();
    await jobs?.[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
    await tracing[Symbol.asyncDispose]();
    throw error;
  }
}

/** A moment that nothing is waited for beyond. */
function createDeadline(timeoutMs: number): { inTime(work: PromiseLike<void>): Promise<boolean> } {
  const end = performance.now() + timeoutMs;
  return {
    /** Whether the work was done in time. It gets a moment in any case. */
    async inTime(work) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), Math.max(100, end - performance.now()));
      });
      try {
        return await Promise.race([Promise.resolve(work).then(() => true), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Settings that count at once. Those of TLS name files, and the files are read anew. */
const reloaded: ReadonlySet<string> = new Set([
  ...['logLevel', 'certificateRules', 'oidcIssuer', 'oidcAudiences', 'oidcJwks', 'oidcPrincipal', 'oidcRules'],
]);

/** Names of settings that are new and count with the next start. */
function restartSettings(before: ServerConfig, fresh: ServerConfig): readonly string[] {
  return Object.entries(settings).flatMap(([key, { name }]) => {
    const [old, now] = [before, fresh].map((config) => JSON.stringify(config[key as keyof ServerConfig]));
    return old === now || reloaded.has(key) ? [] : [name];
  });
}

/** What differs from the defaults, without the passwords of addresses. */
function shownSettings(config: ServerConfig): Readonly<Record<string, unknown>> {
  const entries = Object.entries(settings).flatMap(([key, { name, initial }]) => {
    const value: unknown = config[key as keyof ServerConfig];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(initial)) return [];
    return [[name, key === 'redis' ? String(value).replace(/\/\/[^/@]*@/, '//***@') : value]];
  });
  return Object.fromEntries(entries);
}
