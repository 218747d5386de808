import { type Credentials, credentialsOf } from '@slipway/docker-credentials';
import { RegistryError, type RequestRecord } from '@slipway/registry-client';
import type { EngineContext } from '../engine/engine-context.ts';
import { authConfigOf } from '../engine/registry-auth.ts';
import { upstreamClientOf } from '../engine/upstream-client.ts';
import { RequestError } from '../errors.ts';
import { audited } from '../http/audited.ts';
import { watchClient } from '../http/client-signal.ts';
import { errorText, registryErrorOf } from '../http/error-text.ts';
import { readJSONBody } from '../http/request-body.ts';
import type { RegisterRoutes } from '../http/routes.ts';
import { assertAllowed } from '../security/principal.ts';
import { sendJSON } from './send-json.ts';

type AuthNeeds = Pick<EngineContext, 'config' | 'registries' | 'audit'>;

/** `POST /auth`: shows credentials to a registry. They are kept by the client, not here. */
export const registerAuthRoutes: RegisterRoutes<AuthNeeds> = (app, context) => {
  app.post('/auth', { config: { access: 'handler' } }, async (request, reply) => {
    const { idleTimeoutMs } = context.config;
    const body = await readJSONBody(request.raw, { idleTimeoutMs });
    if (typeof body !== 'object' || body === null) throw new RequestError(400, 'the body has to be an auth config');
    const address = (body as { readonly serveraddress?: unknown }).serveraddress;
    const registry = registryOf(typeof address === 'string' ? address : '');
    assertAllowed(request.principal, { kind: 'login', registry });
    using client = watchClient(reply.raw, new AbortController().signal);
    const credentials = credentialsOf(authConfigOf(body));
    await audited(context, request, { action: 'login', subject: registry }, () =>
      logIn(context, registry, { credentials, upstreamClient: upstreamClientOf(request.headers) }, client.signal),
    );
    return sendJSON(reply, { IdentityToken: '', Status: 'Login Succeeded' });
  });
};

/** The registry of a server address: scheme and path go, and Docker Hub has several names. */
function registryOf(address: string): string {
  const [host = ''] = address.replace(/^https?:\/\//, '').split('/', 1);
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

interface Login {
  readonly credentials: Credentials | undefined;
  readonly upstreamClient: string | undefined;
}

/**
 * Tries the registry's endpoints until one answers. A registry without tokens says by its answer to a manifest that nobody
 * has whether it takes the credentials; one with tokens, by handing one out.
 */
async function logIn(
  { registries }: AuthNeeds,
  name: string,
  { credentials, upstreamClient }: Login,
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  for (const endpoint of await endpointsOf(registries, name)) {
    const requests: RequestRecord[] = [];
    await using registry = await registries.open(name, endpoint, {
      credentials: async () => credentials,
      upstreamClient,
      onRequest: (record) => requests.push(record),
    });
    try {
      await registry.repository('slipway/login', { access: 'pull' }).statManifest('latest', { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      const { code } = registryErrorOf(error) ?? {};
      if (code === 'ERR_REGISTRY_DENIED' || requests.some(isTokenGrant)) return;
      failure = asLoginFailure(error, endpoint.url);
      if (code === 'ERR_REGISTRY_UNAUTHORIZED') throw failure;
    }
  }
  throw failure;
}

async function endpointsOf(
  registries: EngineContext['registries'],
  name: string,
): Promise<Awaited<ReturnType<EngineContext['registries']['endpointsOf']>>> {
  try {
    return await registries.endpointsOf(name);
  } catch (cause) {
    throw new RequestError(400, `${JSON.stringify(name)} is no registry`, { cause });
  }
}

function isTokenGrant({ url, status }: RequestRecord): boolean {
  return status === 200 && !/\/v2\/$|\/manifests\//.test(url);
}

/** Go's HTTP client puts method and URL before whatever went wrong. */
function asLoginFailure(error: unknown, url: URL): unknown {
  if (!(error instanceof RegistryError)) return error;
  const isRefused = error.code === 'ERR_REGISTRY_UNAUTHORIZED';
  const reason = isRefused && error.dockerMessage === undefined ? 'unauthorized' : errorText(error);
  // Of a failure of the network, the reason names the request already.
  const prefix =
    error.status === undefined && reason.startsWith('Get "')
      ? ''
      : `Get ${JSON.stringify(new URL('/v2/', url).href)}: `;
  return new RequestError(isRefused ? 401 : 500, `${prefix}${reason}`, { cause: error });
}
