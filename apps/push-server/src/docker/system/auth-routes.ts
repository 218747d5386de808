import { type Credentials, credentialsOf } from '@slipway/docker-credentials';
import { RegistryError, registryErrorOf } from '@slipway/registry-client';
import type { EngineContext } from '../../engine/engine-context.ts';
import { authConfigOf } from '../../engine/registry-auth.ts';
import { upstreamClientOf } from '../../engine/upstream-client.ts';
import { RequestError } from '../../errors.ts';
import { audited } from '../../http/audited.ts';
import { watchClient } from '../../http/client-signal.ts';
import { errorText } from '../../http/error-text.ts';
import { readJSONBody } from '../../http/request-body.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { assertAllowed } from '../../security/principal.ts';
import { sendJSON } from '../stream/send-json.ts';

type AuthNeeds = Pick<EngineContext, 'config' | 'clients' | 'egress' | 'audit'>;

/** `POST /auth`: shows credentials to a registry. They are kept by the client, not here. */
export const registerAuthRoutes: RegisterRoutes<AuthNeeds> = (app, context) => {
  app.post('/auth', { config: { access: 'handler' } }, async (request, reply) => {
    const { idleTimeoutMs } = context.config;
    const body = await readJSONBody(request.raw, { idleTimeoutMs });
    if (typeof body !== 'object' || body === null) throw new RequestError(400, 'the body has to be an auth config');
    const address = (body as { readonly serveraddress?: unknown }).serveraddress;
    const registry = registryOf(typeof address === 'string' ? address : '');
    assertAllowed(request.principal, { kind: 'login', registry });
    context.egress.assertRegistry(registry);
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

/** Shows credentials to a registry, and tells its answer as docker's daemon does. */
async function logIn(
  { clients }: AuthNeeds,
  registry: string,
  { credentials, upstreamClient }: Login,
  signal: AbortSignal,
): Promise<void> {
  await using lease = await clients.lease({ auths: new Map(), upstreamClient });
  const { client } = lease;
  await client.waysTo(registry).catch((cause: unknown) => {
    throw new RequestError(400, `${JSON.stringify(registry)} is no registry`, { cause });
  });
  let tried: URL | undefined;
  try {
    await client.verifyLogin(registry, credentials, { signal, onAttempt: (url) => (tried = url) });
  } catch (error) {
    signal.throwIfAborted();
    throw asLoginFailure(registryErrorOf(error) ?? error, tried);
  }
}

/** Go's HTTP client puts method and URL before whatever went wrong. */
function asLoginFailure(error: unknown, url: URL | undefined): unknown {
  if (!(error instanceof RegistryError) || url === undefined) return error;
  const isRefused = error.code === 'ERR_REGISTRY_UNAUTHORIZED';
  const reason = isRefused && error.dockerMessage === undefined ? 'unauthorized' : errorText(error);
  // Docker's words for a failure of the network, and for a host that is no registry, name the request already.
  const namesIt = /^(?:Get "|login attempt to )/.test(reason);
  const prefix = namesIt ? '' : `Get ${JSON.stringify(new URL('/v2/', url).href)}: `;
  return new RequestError(isRefused ? 401 : 500, `${prefix}${reason}`, { cause: error });
}
