import type { FastifyInstance } from 'fastify';
import { sendJSON } from '../../docker/stream/send-json.ts';
import type { ApiRoute } from './api-route.ts';
import { openApiDocument } from './openapi.ts';

/** Adds the routes, and the description that is made of them. */
export function registerApi(app: FastifyInstance, routes: readonly ApiRoute[]): void {
  const all: readonly ApiRoute[] = [...routes, describing(() => openApiDocument(all))];
  for (const route of all) {
    app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      config: { access: route.access, needsFolder: route.needsFolder },
      handler: (request, reply) => route.handle(request, reply),
    });
  }
}

function describing(document: () => unknown): ApiRoute {
  return {
    method: 'GET',
    path: '/slipway/v1/openapi.json',
    operation: 'describe',
    summary: 'This description',
    access: 'open',
    failures: [400],
    responses: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    handle: async (_request, reply) => sendJSON(reply, document()),
  };
}
