import { readConfigFile } from '../credentials/config-file.ts';
import { type CredentialSources, dockerConfigPath } from '../credentials/credential-sources.ts';
import type { ProxyVariables } from './proxy-for.ts';

const variableNames: Readonly<Record<string, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  allProxy: 'ALL_PROXY',
};

/**
 * The proxies of the environment; where it names none at all, those of `proxies.default` in docker's `config.json`.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when that file cannot be used
 */
export async function readProxyVariables(
  sources: Pick<CredentialSources, 'env' | 'homeFolder'>,
): Promise<ProxyVariables> {
  const { env } = sources;
  const found = Object.fromEntries(
    Object.entries(env).filter(([name]) => /^(?:(?:https?|no|all)_proxy|request_method)$/i.test(name)),
  );
  const namesProxy = Object.entries(found).some(
    ([name, value]) => value && !/^(?:no_proxy|request_method)$/i.test(name),
  );
  if (namesProxy) return found;
  const { proxies: byDaemon } = (await readConfigFile(dockerConfigPath(sources)))?.document ?? {};
  const { default: proxies } = (byDaemon ?? {}) as { readonly default?: unknown };
  if (typeof proxies !== 'object' || proxies === null) return found;
  const configured = Object.entries(proxies).flatMap(([key, value]) => {
    const name = variableNames[key];
    return name !== undefined && typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
  });
  return { ...Object.fromEntries(configured), ...found };
}
