import { proxyFor } from '@slipway/registry-client/proxy';
import type { Check } from './check.ts';

const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'] as const;

/** Whether the registry is reached through a proxy, and who says so. The proxy's user and password are not shown. */
export const checkProxy: Check = {
  name: 'proxy',
  async run({ endpoints, proxies, context }) {
    const set = names.flatMap((name) => {
      const value = proxies[name] || proxies[name.toLowerCase()];
      return value ? [{ name, value }] : [];
    });
    const isOfEnvironment = names.some(
      (name) => context.environment.variables[name] || context.environment.variables[name.toLowerCase()],
    );
    const source = isOfEnvironment ? 'the environment' : "docker's config.json";
    const noProxy = set.find(({ name }) => name === 'NO_PROXY')?.value;
    const variables = set.map(({ name }) => name);
    const [first] = endpoints;
    if (first === undefined) {
      const summary = variables.length === 0 ? 'none is named' : `${variables.join(', ')} in ${source}`;
      return { status: 'ok', summary, facts: { variables, noProxy } };
    }
    const proxy = proxyFor(first.url, proxies);
    if (proxy === undefined) {
      const isPassedBy = variables.some((name) => name !== 'NO_PROXY');
      return {
        status: 'ok',
        summary: isPassedBy ? `none for ${first.url.host}, by NO_PROXY or as an address of this machine` : 'none',
        notes: isPassedBy ? [`named in ${source}: ${variables.join(', ')}`] : [],
        facts: { variables, noProxy },
      };
    }
    const address = shownProxy(proxy);
    return {
      status: 'ok',
      summary: `${address}${proxy.username === '' ? '' : ', with a user and a password'}, named in ${source}`,
      notes: noProxy === undefined ? [] : [`NO_PROXY: ${noProxy}`],
      facts: { variables, noProxy, proxy: address },
      advice: undefined,
    };
  },
};

/** A proxy's address without its user. */
export function shownProxy({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}
