import type { EngineContext } from '../engine/engine-context.ts';
import type { RegisterRoutes } from '../http/routes.ts';

/** What an operator asks: is it alive, can it work, how is it doing. */
export const registerOperationRoutes: RegisterRoutes<Pick<EngineContext, 'metrics' | 'activity' | 'store'>> = (
  app,
  { metrics, activity, store },
) => {
  app.get('/healthz', { config: { access: 'open' } }, async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    reply.type('text/plain');
    if (activity.isClosing) return await reply.code(503).send('shutting down\n');
    try {
      await store.diskUsage();
    } catch {
      return await reply.code(503).send('the image store cannot be used\n');
    }
    return await reply.send('ok\n');
  });
  app.get('/metrics', { config: { access: 'read' } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
};
