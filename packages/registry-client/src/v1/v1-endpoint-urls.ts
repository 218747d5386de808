import { assertOptions } from '@slipway/arguments';
import { type EndpointURL, type EndpointURLsOptions, endpointKinds, endpointURLs } from '../addresses/endpoint-urls.ts';

/** The ways to a v1 registry, in the order to try them; Docker Hub's was its index. Everything else is as for v2. */
export function v1EndpointURLs(registry: string, options: EndpointURLsOptions = {}): readonly EndpointURL[] {
  assertOptions('options', options, endpointKinds);
  if (registry !== 'docker.io' && registry !== 'index.docker.io') return endpointURLs(registry, options);
  return [{ url: new URL('https://index.docker.io'), insecureTls: false }];
}
