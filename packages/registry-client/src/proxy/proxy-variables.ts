import { type DockerConfigSources, readDockerConfig } from '@slipway/docker-credentials';
import type { ProxyVariables } from './proxy-for.ts';

const variableNames: Readonly<Record<string, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  allProxy: 'ALL_PROXY',
};

/**
 * The proxies of the environment; where it names none at all, those of `proxies.default` in docker's `config.json`.
 * When that file cannot be used, it names none, and `onWarning` is told.
 */
export async function readProxyVariables(sources: DockerConfigSources): Promise<ProxyVariables> {
  const { env } = sources;
  const found = Object.fromEntries(
    Object.entries(env).filter(([name]) => /^(?:(?:https?|no|all)_proxy|request_method)$/i.test(name)),
  );
  const namesProxy = Object.entries(found).some(
    ([name, value]) => value && !/^(?:no_proxy|request_method)$/i.test(name),
  );
  if (namesProxy) return found;
  const { proxies: byDaemon } = await readDockerConfig(sources);
  const { default: proxies } = (byDaemon ?? {}) as { readonly default?: unknown };
  if (typeof proxies !== 'object' || proxies === null) return found;
  const configured = Object.entries(proxies).flatMap(([key, value]) => {
    const name = variableNames[key];
    return name !== undefined && typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  return { ...Object.fromEntries(configured), ...found };
}
