import { version } from '../../version.ts';
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
    servers: [{ url: '/', description: 'The daemon that answers with this.' }],
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

const failures: Readonly<Record<number, string>> = {
  400: 'The request is not what it has to be.',
  401: 'A token or a client certificate is wanted, or the token is not good.',
  403: 'The scopes of the token do not allow it, or the daemon does not connect to that registry.',
  404: 'There is no such image, job or upload.',
  408: 'The body came too slowly.',
  409: 'It does not fit how the job or upload stands.',
  413: 'It is larger than the daemon takes.',
  415: 'The body has another media type.',
  422: 'The idempotency key was used for another request.',
  502: 'The registry that the image comes from cannot be asked.',
  503: 'There is no place, Redis is away or refuses, or the daemon stops; `Retry-After` says when to ask again.',
  504: 'The registry that the image comes from does not answer in time.',
  507: 'There is no room left.',
};

/** What an operation may be refused with. Whoever may read everything is refused for want of a token alone. */
function failuresOf({ access, failures: own = [], parameters = [], query, body }: ApiRoute): readonly number[] {
  const byRights = access === 'open' ? [] : access === 'read' ? [401] : [401, 403];
  const byForm = query !== undefined || body !== undefined || parameters.length > 0 ? [400] : [];
  const isBusy = access === 'open' ? [] : [503];
  return [...new Set([...byForm, ...byRights, ...isBusy, ...own])].sort((a, b) => a - b);
}

function operationOf(route: ApiRoute): unknown {
  const { operation, summary, description, access, parameters = [], query, body, responses } = route;
  const all = [...parameters.map(parameterOf), ...queryParameters(query)];
  return {
    operationId: operation,
    summary,
    description,
    security: access === 'open' ? [] : undefined,
    parameters: all.length === 0 ? undefined : all,
    requestBody: body && {
      required: body.isOptional !== true,
      content: Object.fromEntries(body.contentTypes.map((type) => [type, { schema: schemaOf(body.schema) }])),
    },
    responses: {
      ...Object.fromEntries(Object.entries(responses).map(([status, response]) => [status, responseOf(response)])),
      ...Object.fromEntries(
        failuresOf(route).map((status) => [
          status,
          responseOf({ description: failures[status] ?? '', schema: route.method === 'HEAD' ? undefined : 'Error' }),
        ]),
      ),
      default: responseOf({
        description: 'It could not be done.',
        schema: route.method === 'HEAD' ? undefined : 'Error',
      }),
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
