import type { EngineContext } from '../engine/engine-context.ts';
import type { RegisterRoutes } from '../http/routes.ts';
import { readinessOf } from './readiness.ts';

type OperationNeeds = Pick<EngineContext, 'metrics' | 'activity' | 'store' | 'shared' | 'config' | 'folder'>;

/** What an operator asks: is it alive, can it work, how is it doing. */
export const registerOperationRoutes: RegisterRoutes<OperationNeeds> = (app, needs) => {
  const { metrics } = needs;
  app.get('/healthz', { config: { access: 'open' } }, async (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', { config: { access: 'open' } }, async (_request, reply) => {
    const faults = await readinessOf(needs);
    reply.type('text/plain');
    if (faults.length > 0) return await reply.code(503).send(`${faults.join('\n')}\n`);
    return await reply.send('ok\n');
  });
  app.get('/metrics', { config: { access: 'all' } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
};
