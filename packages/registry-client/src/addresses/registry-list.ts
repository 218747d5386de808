import { BlockList, isIP } from 'node:net';
import { aString, assertArgument, aText, listOf } from '@slipway/arguments';
import { isRegistryName } from '@slipway/reference';

/** Registries as docker's daemon lists them: by host, by host and port, and by address range. */
export interface RegistryList {
  /** `host` and `host:port`, without schemes. */
  readonly hosts: readonly string[];
  /** As CIDR. Only with any of these do addresses count. */
  readonly ranges: readonly string[];
  /**
   * Whether a registry is in the list. Hosts count with their port: `example.com` is not `example.com:5000`.
   *
   * @param addresses what the registry's host resolves to @default the host itself, where it is an address or loopback
   */
  includes(registry: string, addresses?: readonly string[]): boolean;
}

/**
 * Reads docker's `insecure-registries`. A stray `http://` or `https://`, in any case, is dropped, as docker drops it.
 *
 * @throws {RangeError} names the entry and says, as dockerd does when it starts, what is wrong with it: another scheme,
 * a hyphen at an end, no host, no port
 * @see https://github.com/moby/moby/blob/v28.0.0/registry/config.go#L207-L270
 */
export function parseInsecureRegistries(entries: readonly string[]): RegistryList {
  assertArgument('entries', entries, listOf(aString));
  return parseList('insecure registry', entries, (entry) => entry.replace(/^https?:\/\//i, ''));
}

/**
 * Reads docker's `allow-nondistributable-artifacts`: registries that foreign layers may be pushed to.
 *
 * @throws {RangeError} names the entry and says what is wrong with it: a scheme, no host, no port
 * @see https://github.com/moby/moby/blob/v25.0.0/registry/config.go#L133-L173
 */
export function parseNondistributableRegistries(entries: readonly string[]): RegistryList {
  assertArgument('entries', entries, listOf(aString));
  return parseList('allow-nondistributable-artifacts registry', entries, (entry) => entry);
}

/**
 * Reads any list of hosts in that form: `host`, `host:port`, address ranges.
 *
 * @param what what messages call an entry
 * @throws {RangeError} names the entry and says what is wrong with it
 */
export function parseHostList(entries: readonly string[], what: string): RegistryList {
  assertArgument('entries', entries, listOf(aString));
  assertArgument('what', what, aText);
  return parseList(what, entries, (entry) => entry);
}

function parseList(what: string, entries: readonly string[], trim: (entry: string) => string): RegistryList {
  const hosts: string[] = [];
  const ranges: string[] = [];
  const blocks = new BlockList();
  for (const entry of entries) {
    const name = trim(entry);
    const range = parseRange(name);
    if (range !== undefined) {
      blocks.addSubnet(range.network, range.prefix, range.family);
      ranges.push(name);
    } else {
      const problem = problemOf(name);
      if (problem !== undefined) throw new RangeError(`${what} ${quote(entry)} ${problem}`);
      hosts.push(name);
    }
  }
  const known: ReadonlySet<string> = new Set(hosts);
  return Object.freeze({
    hosts: Object.freeze(hosts),
    ranges: Object.freeze(ranges),
    includes(registry: string, addresses: readonly string[] = addressesOf(registry)) {
      if (known.has(registry)) return true;
      return addresses.some((address) => {
        const family = isIP(address);
        return family !== 0 && blocks.check(address, family === 6 ? 'ipv6' : 'ipv4');
      });
    },
  });
}

interface AddressRange {
  readonly network: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseRange(text: string): AddressRange | undefined {
  const [network = '', bits = '', ...rest] = text.split('/');
  const family = isIP(network);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  const isRange = family !== 0 && !network.includes('%') && rest.length === 0 && prefix <= (family === 4 ? 32 : 128);
  return isRange ? { network, prefix, family: family === 4 ? 'ipv4' : 'ipv6' } : undefined;
}

/** In docker's words. */
function problemOf(name: string): string | undefined {
  if (name.includes('://')) return "should not contain '://'";
  if (name.startsWith('-') || name.endsWith('-')) return 'is not valid: cannot begin or end with a hyphen';
  const { host, port } = splitPort(name);
  if (!isRegistryName(name) && isIP(host) === 0) return `is not valid: invalid host ${quote(host)}`;
  if (Number(port) > 65_535) return `is not valid: invalid port ${quote(port)}`;
  return undefined;
}

/** Of `host:port` and `[address]:port`; all else is a host, a bare IPv6 address too. */
function splitPort(name: string): { readonly host: string; readonly port: string } {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]*)\]|([^:]*)):(\d*)$/.exec(name) ?? [];
  return port === undefined ? { host: name, port: '' } : { host: bracketed ?? plain ?? '', port };
}

/** What needs no resolver. */
function addressesOf(registry: string): readonly string[] {
  const { host } = splitPort(registry);
  const name = host.replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1'];
  return isIP(name) === 0 ? [] : [name];
}

function quote(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
}
