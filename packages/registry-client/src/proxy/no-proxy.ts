import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';

/** Where to. */
export interface ProxyTarget {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: string;
}

/**
 * Whether a host is reached without a proxy, by the rules that docker's own language has: this machine always; `*` all;
 * `1.2.3.4` and `1.2.3.0/24` addresses; `example.com` a name and those below it; `.example.com` and `*.example.com`
 * only those below it; each but a network may end in `:port`.
 *
 * @param list what `NO_PROXY` holds, separated by commas or spaces
 * @see https://pkg.go.dev/golang.org/x/net@v0.40.0/http/httpproxy#Config
 */
export function isDirect({ host, port }: ProxyTarget, list: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || isLoopback(name)) return true;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry !== '' && matches(entry, name, port));
}

function matches(entry: string, name: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(name, entry);
  const { host, port: wantedPort } = splitPort(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(host) !== 0 || isIP(name) !== 0) return isSameAddress(host, name);
  const domain = host.replace(/^\*\./, '.').replace(/\.$/, ''); // a name is fully qualified or not, as its asker likes
  if (domain.startsWith('.')) return name.endsWith(`.${toASCII(domain.slice(1))}`);
  const wanted = toASCII(domain);
  return wanted !== '' && (name === wanted || name.endsWith(`.${wanted}`));
}

/** `host`, `host:port`, `[::1]`, `[::1]:port`, `::1` */
function splitPort(entry: string): { readonly host: string; readonly port: string | undefined } {
  const [, bracketed, plain = entry, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  return { host: bracketed ?? plain, port };
}

function isInNetwork(name: string, network: string): boolean {
  if (isIP(name) === 0 || !ipaddr.isValidCIDR(network)) return false;
  const address = ipaddr.process(name);
  const [base, bits] = ipaddr.parseCIDR(network);
  return address.kind() === base.kind() && address.match(base, bits);
}

function isSameAddress(one: string, other: string): boolean {
  if (isIP(one) === 0 || isIP(other) === 0) return false;
  return ipaddr.process(one).toNormalizedString() === ipaddr.process(other).toNormalizedString();
}

function isLoopback(name: string): boolean {
  return isIP(name) !== 0 && ipaddr.process(name).range() === 'loopback';
}

function toASCII(name: string): string {
  return domainToASCII(name) || name;
}
