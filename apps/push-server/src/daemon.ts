import type { EngineContext } from './engine/engine-context.ts';
import { type EngineContextOptions, openEngineContext } from './engine/open-engine-context.ts';
import type { JobService } from './jobs/job-service.ts';
import { openJobs } from './jobs/open-jobs.ts';
import { slipwayRoutes } from './jobs/slipway-routes.ts';
import { type Listeners, openListeners } from './listeners/open-listeners.ts';
import { createRequestHandler, type RequestHandlerOptions } from './server.ts';

/** A running daemon. */
export interface Daemon {
  readonly context: EngineContext;
  /** Where it listens, with the ports that were chosen. */
  readonly addresses: readonly string[];
  /** Takes nothing new, lets what runs finish within the time that is configured, aborts the rest, closes everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the daemon: opens its stores, then its listeners.
 *
 * @throws {ServerError} when it cannot start; nothing is left open then
 */
export async function startDaemon(options: EngineContextOptions, routes: RequestHandlerOptions = {}): Promise<Daemon> {
  const { config, log } = options;
  const context = await openEngineContext(options);
  let listeners: Listeners | undefined;
  let jobs: JobService | undefined;
  try {
    const opened = await openJobs(context);
    jobs = opened;
    const further = [slipwayRoutes(opened), ...(routes.further ?? [])];
    const handler = await createRequestHandler(context, { ...routes, further });
    listeners = await openListeners({ config, handler, tokens: context.tokens, log });
    const { addresses } = listeners;
    const open = listeners;
    log.info({ addresses, dataDir: config.dataDir }, 'slipwayd listens');
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      log.info('slipwayd stops');
      open.stopAccepting();
      await context.activity.close(config.shutdownTimeoutMs);
      await open[Symbol.asyncDispose]();
      await handler[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
      log.info('slipwayd has stopped');
    };
    return {
      context,
      addresses,
      stop() {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await listeners?.[Symbol.asyncDispose]();
    await jobs?.[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
    throw error;
  }
}
