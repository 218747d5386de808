import { version } from '../version.ts';
import type { ApiParameter, ApiResponse, ApiRoute } from './api-route.ts';
import { jobSchemas, type Schema } from './job-schemas.ts';

/** The description of the API, made of the very routes that answer. @see https://spec.openapis.org/oas/v3.1.1.html */
export function openApiDocument(routes: readonly ApiRoute[]): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'slipwayd push jobs',
      version,
      description:
        'Pushes that go on without their client: submitted once, worked on until they end, also over ' +
        'restarts of the daemon. Beside it, slipwayd serves the part of the Docker Engine API that surrounds ' +
        'push.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: jobSchemas,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Made by `slipwayd token create`. Unix sockets need none.',
        },
        certificate: { type: 'mutualTLS' },
      },
    },
    security: [{}, { token: [] }, { certificate: [] }],
  };
}

function operationOf({ operation, summary, description, parameters = [], query, body, responses }: ApiRoute): unknown {
  const all = [...parameters.map(parameterOf), ...queryParameters(query)];
  return {
    operationId: operation,
    summary,
    description,
    parameters: all.length === 0 ? undefined : all,
    requestBody: body && {
      required: body.isOptional !== true,
      content: Object.fromEntries(body.contentTypes.map((type) => [type, { schema: schemaOf(body.schema) }])),
    },
    responses: {
      ...Object.fromEntries(Object.entries(responses).map(([status, response]) => [status, responseOf(response)])),
      default: responseOf({ description: 'It could not be done.', schema: 'Error' }),
    },
  };
}

function parameterOf(parameter: ApiParameter): unknown {
  return { ...parameter };
}

function queryParameters(query: Schema | undefined): readonly unknown[] {
  const { properties = {}, required = [] } = (query ?? {}) as {
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    description,
    schema,
  }));
}

function responseOf({ description, contentType = 'application/json', schema }: ApiResponse): unknown {
  return { description, content: schema === undefined ? undefined : { [contentType]: { schema: schemaOf(schema) } } };
}

function schemaOf(schema: string | Schema): Schema {
  return typeof schema === 'string' ? { $ref: `#/components/schemas/${schema}` } : schema;
}
