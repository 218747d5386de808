import { parseGrammar, parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { type EndpointURLsOptions, endpointURLs } from './endpoint-urls.ts';

function urls(registry: string, options?: EndpointURLsOptions): string[] {
  return endpointURLs(registry, options).map(
    ({ url, insecureTls }) => `${url.origin}${insecureTls ? ' unverified' : ''}`,
  );
}

function both(host: string): string[] {
  return [`https://${host} unverified`, `http://${host}`];
}

describe('endpointURLs', () => {
  test.each<[string, string, EndpointURLsOptions, string[]]>([
    ['Docker Hub lives elsewhere', 'docker.io', {}, ['https://registry-1.docker.io']],
    ['Docker Hub by its old name', 'index.docker.io', {}, ['https://registry-1.docker.io']],
    [
      'Docker Hub is always secure',
      'docker.io',
      { plainHttp: true, insecure: true, insecureRegistries: ['docker.io'] },
      ['https://registry-1.docker.io'],
    ],
    ['a host', 'ghcr.io', {}, ['https://ghcr.io']],
    ['a host with a port', 'registry.example:5000', {}, ['https://registry.example:5000']],
    ['an address', '10.1.2.3:5000', {}, ['https://10.1.2.3:5000']],
    ['an IPv6 address', '[2001:db8::1]:5000', {}, ['https://[2001:db8::1]:5000']],
    ['plain http', 'registry.example', { plainHttp: true }, ['http://registry.example']],
    ['insecure by option', 'registry.example', { insecure: true }, both('registry.example')],
    ['localhost', 'localhost:5000', {}, both('localhost:5000')],
    ['loopback', '127.0.0.1:5000', {}, both('127.0.0.1:5000')],
    ['anywhere in 127/8', '127.9.9.9', {}, both('127.9.9.9')],
    ['IPv6 loopback', '[::1]:5000', {}, both('[::1]:5000')],
    ['a name that only begins like loopback', '127.example', {}, ['https://127.example']],
    ['listed', 'registry.example', { insecureRegistries: ['other', 'registry.example'] }, both('registry.example')],
    [
      'listed with its port',
      'registry.example:5000',
      { insecureRegistries: ['registry.example:5000'] },
      both('registry.example:5000'),
    ],
    [
      'listed without its port',
      'registry.example:5000',
      { insecureRegistries: ['registry.example'] },
      ['https://registry.example:5000'],
    ],
    [
      'listed with a stray scheme',
      'registry.example',
      { insecureRegistries: ['HTTP://registry.example'] },
      both('registry.example'),
    ],
    ['in a listed range', '10.1.2.3:5000', { insecureRegistries: ['10.0.0.0/8'] }, both('10.1.2.3:5000')],
    ['outside a listed range', '11.1.2.3', { insecureRegistries: ['10.0.0.0/8'] }, ['https://11.1.2.3']],
    ['in a listed IPv6 range', '[fd00::5]', { insecureRegistries: ['fd00::/8'] }, both('[fd00::5]')],
    [
      'a name that resolves into a listed range',
      'registry.corp',
      { insecureRegistries: ['10.0.0.0/8'], addresses: ['10.1.2.3'] },
      both('registry.corp'),
    ],
    ['a name nobody resolved', 'registry.corp', { insecureRegistries: ['10.0.0.0/8'] }, ['https://registry.corp']],
  ])('%s', (_, registry, options, expected) => {
    expect(urls(registry, options)).toEqual(expected);
  });

  test.each([['ftp://registry.example'], ['10.0.0.0/33'], ['10.0.0.0/x'], ['10.0.0/8'], ['a/b/c'], ['fd00::/129']])(
    'a list with %s is refused',
    (entry) => {
      expect(() => endpointURLs('registry.example', { insecureRegistries: [entry] })).toThrow(RangeError);
    },
  );

  test('whatever the registry', () => {
    const options = { plainHttp: true, insecureRegistries: ['svn://registry.example'] };
    for (const registry of ['docker.io', 'localhost:5000', 'registry.example']) {
      expect(() => endpointURLs(registry, options)).toThrow("should not contain '://'");
    }
  });

  test.each([
    ...['', 'a/b', 'a?b', 'a#b', 'user@host', 'a b', 'host:port', 'host:', ':5000', 'host:500000', 'a\tb', 'a\n'],
    ...['-example.com', 'example.com-', 'a.-b.com', 'example-.com', 'a..b', '.example', 'example.', 'my_host', '*'],
    ...['bücher.example', '[::1', '[::1%eth0]', '[::g]', '::1', 'http://a', 'a\\b', '%61.example'],
  ])('%j is no registry, for endpoints and for references alike', (registry) => {
    expect(() => endpointURLs(registry)).toThrow(TypeError);
    const reference = (() => {
      try {
        return parseReference(`${registry}/a/b`);
      } catch {
        return undefined;
      }
    })();
    if (registry !== 'host:500000') expect(reference?.registry).not.toBe(registry);
  });

  test.each(['registry', 'Registry.Example', 'a-b.c--d', '1.2.3.4', 'xn--bcher-kva.example:443', '[fe80::1]:5000'])(
    '%s is one for both',
    (registry) => {
      expect(endpointURLs(registry)).toHaveLength(1);
      expect(parseGrammar(`${registry}/a/b`).registry).toBe(registry);
    },
  );
});
