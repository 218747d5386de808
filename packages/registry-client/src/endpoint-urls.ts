import { BlockList, isIP } from 'node:net';
import { isLoopbackName } from './options.ts';

/** One way to reach a registry. */
export interface EndpointURL {
  readonly url: URL;
  /** The certificate is not checked. */
  readonly insecureTls: boolean;
}

/** How insecure a registry may be. */
export interface EndpointURLsOptions {
  /** Plain http and nothing else. @default false */
  readonly plainHttp?: boolean | undefined;
  /** This registry may have an invalid certificate, or speak plain http. @default false */
  readonly insecure?: boolean | undefined;
  /** Docker's `insecure-registries`: `host`, `host:port`, or address ranges as CIDR. @default none */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** What the registry's host resolves to, for the address ranges. @default the host itself, where it is an address */
  readonly addresses?: readonly string[] | undefined;
}

/**
 * The ways to reach a registry, in the order to try them: https, then plain http where it is allowed. A loopback host
 * always allows it, Docker Hub never does.
 *
 * @throws {RangeError} when an entry of `insecureRegistries` has a scheme other than http and https, or a malformed range
 * @throws {TypeError} when the name is no host
 */
export function endpointURLs(registry: string, options: EndpointURLsOptions = {}): readonly EndpointURL[] {
  if (registry === 'docker.io' || registry === 'index.docker.io') {
    return [{ url: new URL('https://registry-1.docker.io'), insecureTls: false }];
  }
  const https = parseHost('https', registry);
  const http = parseHost('http', registry);
  if (options.plainHttp === true) return [{ url: http, insecureTls: false }];
  const isInsecure = options.insecure === true || isLoopbackName(https.hostname) || isListed(registry, https, options);
  if (!isInsecure) return [{ url: https, insecureTls: false }];
  return [
    { url: https, insecureTls: true },
    { url: http, insecureTls: false },
  ];
}

function parseHost(scheme: 'http' | 'https', registry: string): URL {
  const text = `${scheme}://${registry}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw new TypeError(`Expected \`registry\` to be a host with an optional port, got ${JSON.stringify(registry)}`);
  }
  return url;
}

function isListed(registry: string, url: URL, { insecureRegistries = [], addresses }: EndpointURLsOptions): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const known = addresses ?? (isIP(host) === 0 ? [] : [host]);
  return insecureRegistries.map(withoutScheme).some((entry) => {
    if (!entry.includes('/')) return entry === registry; // with its port: `example.com` does not make `example.com:5000` insecure
    const range = parseRange(entry);
    return known.some((address) => range.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  });
}

function withoutScheme(entry: string): string {
  const [scheme, ...rest] = entry.split('://');
  if (rest.length === 0) return entry;
  if (scheme !== 'http' && scheme !== 'https') {
    throw new RangeError(`Expected an insecure registry to have no scheme, got ${JSON.stringify(entry)}`);
  }
  return rest.join('://').replace(/\/$/, '');
}

function parseRange(entry: string): BlockList {
  const [network = '', bits = '', ...rest] = entry.split('/');
  const family = isIP(network);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(prefix <= (family === 4 ? 32 : 128))) {
    throw new RangeError(
      `Expected an insecure registry to be a host or an address range, got ${JSON.stringify(entry)}`,
    );
  }
  const range = new BlockList();
  range.addSubnet(network, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return range;
}
