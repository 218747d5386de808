import { ArgumentError, aBoolean, aString, assertOptions, listOf, type OptionKinds } from '@slipway/arguments';
import { isRegistryName } from '@slipway/reference';
import { isLoopbackName } from '../options.ts';
import { parseInsecureRegistries } from './registry-list.ts';

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
  /** Docker's `insecure-registries`, as {@link parseInsecureRegistries} reads them. @default none */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** What the registry's host resolves to, for the address ranges. @default the host itself, where it is an address */
  readonly addresses?: readonly string[] | undefined;
}

/** What {@link EndpointURLsOptions} may have, for `assertOptions`. */
export const endpointKinds: OptionKinds<EndpointURLsOptions> = {
  optional: {
    plainHttp: aBoolean,
    insecure: aBoolean,
    insecureRegistries: listOf(aString),
    addresses: listOf(aString),
  },
};

/**
 * The ways to reach a registry, in the order to try them: https, then plain http where it is allowed. A loopback host
 * always allows it, Docker Hub never does.
 *
 * @throws {RangeError} when an entry of `insecureRegistries` is one that docker's daemon refuses to start with
 * @throws {TypeError} when the name is none that a reference can have
 */
export function endpointURLs(registry: string, options: EndpointURLsOptions = {}): readonly EndpointURL[] {
  if (typeof registry !== 'string')
    throw new ArgumentError('registry', `Expected \`registry\` to be a string, got ${typeof registry}`);
  assertOptions('options', options, endpointKinds);
  const insecure = parseInsecureRegistries(options.insecureRegistries ?? []);
  if (registry === 'docker.io' || registry === 'index.docker.io') {
    return [{ url: new URL('https://registry-1.docker.io'), insecureTls: false }];
  }
  const https = parseHost('https', registry);
  const http = parseHost('http', registry);
  if (options.plainHttp === true) return [{ url: http, insecureTls: false }];
  const isInsecure =
    options.insecure === true || isLoopbackName(https.hostname) || insecure.includes(registry, options.addresses);
  if (!isInsecure) return [{ url: https, insecureTls: false }];
  return [
    { url: https, insecureTls: true },
    { url: http, insecureTls: false },
  ];
}

function parseHost(scheme: 'http' | 'https', registry: string): URL {
  const text = `${scheme}://${registry}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!isRegistryName(registry) || url === undefined) {
    throw new ArgumentError(
      'registry',
      `Expected \`registry\` to be a host with an optional port, got ${JSON.stringify(registry)}`,
    );
  }
  return url;
}
