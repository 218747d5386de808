import type { RegistryEndpoint } from '@slipway/client';
import { furtherFailure, type Ping, RegistryError } from '@slipway/registry-client';
import { type Check, type Finding, notReached, type Reached, type Scene } from './check.ts';
import { registryKind } from './registry-kind.ts';

/** Whether a registry answers, over https or http, and what kind of registry it looks like. */
export const checkRegistry: Check = {
  name: 'registry',
  async run(scene) {
    if (scene.target === undefined) return notReached(scene);
    let failure: Error | undefined;
    for (const endpoint of scene.endpoints) {
      try {
        scene.reached = await reach(endpoint, scene);
        return describe(scene.reached, scene);
      } catch (error) {
        scene.context.signal.throwIfAborted();
        if (!(error instanceof RegistryError)) throw error;
        failure = furtherFailure(failure, error);
        if (error.hasAnswered) throw failure;
      }
    }
    throw failure;
  },
};

async function reach({ url, open }: RegistryEndpoint, { context }: Scene): Promise<Reached> {
  const registry = await open();
  return { registry, url, ping: await registry.ping({ signal: context.signal }) };
}

function describe({ url, ping }: Reached, { target }: Scene): Finding {
  const { status, apiVersions, details } = ping;
  const kind = registryKind(target?.registry ?? url.host, ping);
  const challenges = (details?.challenges ?? []).map(({ scheme, parameters }) => ({
    scheme,
    realm: parameters.get('realm'),
    service: parameters.get('service'),
  }));
  const facts = { url: url.href, status, apiVersions, server: details?.server, kind, challenges };
  const notes = [
    `looks like ${kind}${details?.server === undefined ? '' : `, served by ${details.server}`}`,
    ...challenges.map(({ scheme, realm, service }) =>
      scheme === 'bearer'
        ? `tokens come from ${realm}${service ? ` (${service})` : ''}`
        : `asks for ${scheme} credentials`,
    ),
    ...(details !== undefined && !details.url.startsWith(url.origin) ? [`redirected to ${details.url}`] : []),
  ];
  const summary = `${url.origin}/v2/ answered ${status}`;
  if (isPage(ping)) {
    return {
      status: 'problem',
      summary: `${summary} with a web page: no registry, or its proxy does not pass /v2/ on`,
      notes,
      facts,
      advice: 'check the name and the port; a network may want you to sign in first',
    };
  }
  if (status >= 500 || status === 429) {
    return {
      status: 'problem',
      summary,
      notes,
      facts,
      advice: 'the registry is busy or broken: wait, or tell its owner',
    };
  }
  if (status !== 200 && status !== 401) {
    return {
      status: 'warning',
      summary,
      notes,
      facts,
      advice: 'a registry answers 200 or 401 there; pushes may work all the same',
    };
  }
  return { status: 'ok', summary, notes, facts };
}

/** A registry says what it is, or at least sends no page. */
function isPage({ status, apiVersions, details }: Ping): boolean {
  return status === 200 && apiVersions.length === 0 && details?.mediaType === 'text/html';
}
