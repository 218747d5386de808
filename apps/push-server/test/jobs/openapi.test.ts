import { Ajv2020 } from 'ajv/dist/2020.js';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalChannel } from '../../src/jobs/queue/live-channel.ts';
import { slipwayRoutes } from '../../src/jobs/routes/slipway-routes.ts';
import type { JobService } from '../../src/jobs/service/job-service.ts';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

describe('the description of the API', () => {
  let server: TestDaemon;
  let document: Document;
  let operations: readonly (readonly [string, Operation])[];

  beforeAll(async () => {
    server = await startTestDaemon();
    document = JSON.parse((await server.request('GET', '/slipway/v1/openapi.json')).body);
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('names every route under /slipway/v1/, and no other', () => {
    const app = fastify({ exposeHeadRoutes: false });
    const routes: string[] = [];
    app.addHook('onRoute', ({ method, url }) => {
      routes.push(`${String(method)} ${url.replace(/:(\w+)/g, '{$1}')}`);
    });
    const jobs = { channel: createLocalChannel() } as unknown as JobService;
    slipwayRoutes(jobs)(app as unknown as FastifyInstance, server.daemon.context);
    const api = routes.filter((route) => route.includes('/slipway/v1/'));
    expect(operations.map(([name]) => name).sort()).toEqual(api.sort());
    expect(document.openapi).toBe('3.1.1');
  });

  test('every operation is answered by the daemon itself', async () => {
    for (const [name] of operations) {
      const [method = '', path = ''] = name.split(' ');
      if (path.endsWith('/status/events')) continue; // has no end
      const { body } = await server.request(method, path.replace('{id}', '0'.repeat(24)));
      expect([name, body]).not.toEqual([name, '{"message":"page not found","code":"ERR_SERVER_NOT_FOUND"}\n']);
    }
    expect((await server.request('GET', '/slipway/v1/else')).status).toBe(404);
  });

  test('operations have names of their own, and all schemas can be used', () => {
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', ...document });
    for (const name of Object.keys(document.components.schemas)) {
      expect(ajv.compile({ $ref: `doc#/components/schemas/${name}` })).toBeTypeOf('function');
    }
  });

  test.each([
    ['GET', '/slipway/v1/jobs', 200],
    ['GET', '/slipway/v1/jobs?limit=0', 'default'],
    ['GET', `/slipway/v1/jobs/${'0'.repeat(24)}`, 'default'],
    ['GET', '/slipway/v1/status', 200],
    ['POST', '/slipway/v1/jobs', 'default'],
  ] as const)('%s %s answers as described under %s', async (method, path, described) => {
    const { status, body } = await server.request(method, path);
    const pattern = path.split('?')[0]?.replace('0'.repeat(24), '{id}') ?? '';
    const operation = document.paths[pattern]?.[method.toLowerCase()];
    const schema = operation?.responses[described]?.content?.['application/json']?.schema;
    if (described !== 'default') expect(status).toBe(described);
    else expect(status).toBeGreaterThanOrEqual(400);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', ...document });
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/'));
    const check = ajv.compile(absolute);
    expect([check(JSON.parse(body)), check.errors]).toEqual([true, null]);
  });
});
