import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { RegistryError } from '../errors.ts';
import { isLoopbackName } from '../options.ts';
import { redactURL } from './redact-url.ts';

/** Addresses of a host name. Rejects or is empty where it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv6');
}

/** Where a registry may send its client, with a redirect or with the location of an upload. */
export class RedirectPolicy {
  readonly #lookup: Lookup;
  /** Judged once a host: upload locations come with every answer. */
  readonly #judgements = new Map<string, Promise<boolean>>();

  constructor(lookupAddresses: Lookup = systemLookup) {
    this.#lookup = lookupAddresses;
  }

  /**
   * Lets `target` pass, or explains why not: leaving https for http would show the content to anybody on the way, and a
   * public registry has no business with addresses inside the client's network.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`
   */
  async check(from: URL, target: URL): Promise<void> {
    if (target.origin === from.origin) return;
    if (from.protocol === 'https:' && target.protocol === 'http:') {
      throw refused(from, target, 'it leaves https for http', "set the registry's external address to https");
    }
    if (target.hostname === from.hostname) return;
    if ((await this.#isPrivate(target.hostname)) && !(await this.#isPrivate(from.hostname))) {
      throw refused(from, target, 'it leads from a public to a private address', undefined);
    }
  }

  async #isPrivate(hostname: string): Promise<boolean> {
    const known = this.#judgements.get(hostname);
    if (known !== undefined) return await known;
    const judgement = this.#judge(hostname);
    this.#judgements.set(hostname, judgement);
    return await judgement;
  }

  async #judge(hostname: string): Promise<boolean> {
    if (isLoopbackName(hostname)) return true;
    const literal = hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(literal) !== 0) return isPrivateAddress(literal);
    // A name nobody here can resolve is a proxy's business, and not inside this network.
    const addresses = await this.#lookup(hostname).catch(() => []);
    return addresses.some(isPrivateAddress);
  }
}

function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  // BlockList itself sees through IPv4 addresses mapped into IPv6.
  return family !== 0 && privateAddresses.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

async function systemLookup(hostname: string): Promise<readonly string[]> {
  const addresses = await lookup(hostname, { all: true });
  return addresses.map(({ address }) => address);
}

function refused(from: URL, target: URL, why: string, hint: string | undefined): RegistryError {
  return new RegistryError(`${redactURL(from)} redirects to ${redactURL(target)}, refused because ${why}`, {
    code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    hint,
  });
}
