import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { proxyFor } from '@slipway/registry-client/proxy';
import { type Check, notReached } from './check.ts';
import { shownProxy } from './check-proxy.ts';

/** What the registry's name resolves to. */
export const checkAddress: Check = {
  name: 'address',
  async run(scene) {
    const [first] = scene.endpoints;
    if (first === undefined) return notReached(scene);
    const { url } = first;
    const proxy = proxyFor(url, scene.proxies);
    if (proxy !== undefined) {
      return { status: 'skipped', summary: `the proxy ${shownProxy(proxy)} resolves the name` };
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const found = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      return {
        status: 'problem',
        summary: `${host} has no address (${found.code})`,
        facts: { host, code: found.code },
        advice:
          found.code === 'ENOTFOUND'
            ? 'the name is not known to the DNS: check its spelling'
            : 'the DNS does not answer: check the network',
        error: found,
      };
    }
    const addresses = [...new Set(found.map(({ address }) => address))];
    const summary = isIP(host) === 0 ? `${host} is ${addresses.join(', ')}` : host;
    return { status: 'ok', summary, facts: { host, addresses } };
  },
};
