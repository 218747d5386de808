import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { withDispatch } from '@slipway/client';
import { type DispatcherFactory, parseHostList, type RegistryList } from '@slipway/registry-client';
import { RequestError } from '../errors.ts';

/** Where the daemon connects to. */
export interface Egress {
  /** @throws {RequestError} 403 for a registry that is not on the list */
  assertRegistry(registry: string): void;
  /** Has a dispatcher connect to nothing else, wherever a registry leads it. */
  guard(factory: DispatcherFactory): DispatcherFactory;
}

/** A connection that is not made. Its code is the one that registries' own detours are refused with. */
class EgressError extends Error {
  override name = 'EgressError';
  readonly code = 'ERR_REGISTRY_REDIRECT_REFUSED';
}

/** Docker Hub has other hosts than its name. */
const hubHosts = ['registry-1.docker.io', 'auth.docker.io', 'index.docker.io', 'production.cloudflare.docker.com'];

/**
 * Reads `--allow-registry`, or a setting like it: `host`, `host:port`, `*.domain`, ranges. Without any, hosts may be
 * anywhere but on the link itself (169.254.0.0/16, fe80::/10), and only a registry that is called by a name of this
 * machine may lead to this machine. With some, every host that is connected to has to be listed, those of tokens and
 * storage too.
 *
 * @throws {RangeError} names the entry that is none
 */
export function createEgress(entries: readonly string[], setting = '--allow-registry'): Egress {
  const domains = entries.flatMap((entry) => (entry.startsWith('*.') ? [entry.slice(1).toLowerCase()] : []));
  for (const domain of domains) parseHostList([`a${domain}`], 'domain');
  const plain = entries.filter((entry) => !entry.startsWith('*.')).map((entry) => entry.toLowerCase());
  const list = parseHostList(plain.includes('docker.io') ? [...plain, ...hubHosts] : plain, 'host');
  const isOpen = entries.length === 0;
  const isNamed = (host: string): boolean =>
    list.includes(host, []) || domains.some((domain) => host.replace(/:\d+$/, '').endsWith(domain));

  /** Why a connection to an address of a host is refused; undefined when it is not. */
  const faultOf = (host: string, address: string, registry: string | undefined): string | undefined => {
    const isListed = !isOpen && (isNamed(host) || inRanges(list, address));
    if (isListed) return undefined;
    if (!isOpen) return `it is not in ${setting}`;
    if (contains(linkLocal, address)) return `${address} is a link-local address`;
    const isOurs = registry !== undefined && isLoopback(hostnameOf(registry));
    return contains(loopback, address) && !isOurs ? `${address} is an address of this machine` : undefined;
  };

  const guardedLookup =
    (
      lookup: LookupFunction,
      registry: string | undefined,
      hostsOf: (hostname: string) => Iterable<string>,
    ): LookupFunction =>
    (hostname, options, callback) =>
      lookup(hostname, options, (error, found, family) => {
        if (error) return callback(error, found, family);
        const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
        for (const host of hostsOf(hostname)) {
          const fault = addresses.map((address) => faultOf(host, address, registry)).find((each) => each !== undefined);
          if (fault !== undefined) return callback(refusal(host, fault), '', 0);
        }
        callback(null, found, family);
      });

  return {
    assertRegistry(registry) {
      if (isOpen || isNamed(registry)) return;
      const hostname = hostnameOf(registry);
      // A name may be one of an address in a range: that is seen when it is connected to.
      if (isIP(hostname) === 0 ? list.ranges.length > 0 : inRanges(list, hostname)) return;
      throw new RequestError(403, `forbidden: this daemon does not connect to ${registry}: it is not in ${setting}`);
    },
    guard: (factory) => (options) => {
      const { registry, lookup = systemLookup as LookupFunction } = options;
      /** By name: it with each port that was asked for. A lookup knows no port, and so all of them have to pass. */
      const hosts = new Map<string, Set<string>>();
      const hostsOf = (hostname: string): Iterable<string> => hosts.get(hostname) ?? [hostname];
      const dispatcher = factory({ ...options, lookup: guardedLookup(lookup, registry, hostsOf) });
      return withDispatch(dispatcher, (request, handler) => {
        const { hostname, host } = new URL(String(request.origin));
        hosts.set(hostname, new Set(hosts.get(hostname)).add(host));
        const address = hostnameOf(hostname);
        const isAddress = isIP(address) !== 0;
        const isRefusedName = !isAddress && !isOpen && !isNamed(host) && list.ranges.length === 0;
        const fault = isAddress
          ? faultOf(host, address, registry)
          : isRefusedName
            ? `it is not in ${setting}`
            : undefined;
        if (fault !== undefined) throw refusal(host, fault);
        return dispatcher.dispatch(request, handler);
      });
    },
  };
}

function refusal(host: string, fault: string): EgressError {
  return new EgressError(`the connection to ${host} is refused: ${fault}`);
}

const loopback = rangesOf(['127.0.0.0', 8], ['0.0.0.0', 8], ['::1', 128], ['::', 128]);
const linkLocal = rangesOf(['169.254.0.0', 16], ['fe80::', 10]);

function rangesOf(...ranges: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, isIP(network) === 6 ? 'ipv6' : 'ipv4');
  return list;
}

function contains(list: BlockList, address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

function inRanges(list: RegistryList, address: string): boolean {
  return list.ranges.length > 0 && list.includes(' ', [address]);
}

/** `[::1]:5000` is `::1`. */
function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\](?::\d+)?$/, '$1');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || contains(loopback, hostname);
}
