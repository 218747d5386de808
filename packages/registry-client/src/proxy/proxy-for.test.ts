import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyVariables, proxyFor } from './proxy-for.ts';

const both: ProxyVariables = { HTTP_PROXY: 'http://plain:3128', HTTPS_PROXY: 'http://secure:3128' };

describe('proxyFor', () => {
  test.each<[string, string, ProxyVariables, string | undefined]>([
    ['https goes by HTTPS_PROXY', 'https://ghcr.io/v2/', both, 'http://secure:3128/'],
    ['http goes by HTTP_PROXY', 'http://ghcr.io/v2/', both, 'http://plain:3128/'],
    ['https does not go by HTTP_PROXY', 'https://ghcr.io', { HTTP_PROXY: 'http://plain:3128' }, undefined],
    ['nothing is set', 'https://ghcr.io', {}, undefined],
    ['an empty value is none', 'https://ghcr.io', { HTTPS_PROXY: ' ' }, undefined],
    ['small letters', 'https://ghcr.io', { https_proxy: 'http://small:1' }, 'http://small:1/'],
    [
      'capitals come first',
      'https://ghcr.io',
      { https_proxy: 'http://small:1', HTTPS_PROXY: 'http://capital:1' },
      'http://capital:1/',
    ],
    [
      'ALL_PROXY for what has none',
      'https://ghcr.io',
      { ALL_PROXY: 'http://all:1', HTTP_PROXY: 'http://plain:1' },
      'http://all:1/',
    ],
    [
      'ALL_PROXY after the others',
      'http://ghcr.io',
      { all_proxy: 'http://all:1', HTTP_PROXY: 'http://plain:1' },
      'http://plain:1/',
    ],
    [
      'no scheme is http',
      'https://ghcr.io',
      { HTTPS_PROXY: 'proxy.example.org:3128' },
      'http://proxy.example.org:3128/',
    ],
    ['an https proxy', 'https://ghcr.io', { HTTPS_PROXY: 'https://proxy.example.org' }, 'https://proxy.example.org/'],
    [
      'a user and a password',
      'https://ghcr.io',
      { HTTPS_PROXY: 'http://me:p%40w@proxy:3128' },
      'http://me:p%40w@proxy:3128/',
    ],
    ['localhost is direct', 'http://localhost:5000', both, undefined],
    ['127.0.0.0/8 is direct', 'https://127.1.2.3', both, undefined],
    ['::1 is direct', 'http://[::1]:5000', both, undefined],
    ['a mapped loopback address is direct', 'http://[::ffff:127.0.0.1]', both, undefined],
    ['localhost.example.org is not this machine', 'http://localhost.example.org', both, 'http://plain:3128/'],
    ['a CGI script does not trust HTTP_PROXY', 'http://ghcr.io', { ...both, REQUEST_METHOD: 'GET' }, undefined],
    ['a CGI script may use HTTPS_PROXY', 'https://ghcr.io', { ...both, REQUEST_METHOD: 'GET' }, 'http://secure:3128/'],
  ])('%s', (_, url, variables, expected) => {
    expect(proxyFor(new URL(url), variables)?.href).toBe(expected);
  });

  test.each<[list: string, direct: string[], proxied: string[]]>([
    ['*', ['ghcr.io', '10.0.0.1', '[2001:db8::1]'], []],
    [
      'example.org',
      ['example.org', 'a.example.org', 'a.b.example.org', 'EXAMPLE.org', 'example.org:5000'],
      ['anexample.org', 'example.org.evil.com'],
    ],
    ['.example.org', ['a.example.org'], ['example.org', 'anexample.org']],
    ['*.example.org', ['a.example.org', 'a.b.example.org'], ['example.org']],
    ['example.org:5000', ['example.org:5000', 'a.example.org:5000'], ['example.org', 'example.org:5001']],
    ['example.org.', ['example.org', 'a.example.org', 'example.org.'], ['anexample.org']],
    ['example.org.:5000', ['example.org:5000'], ['example.org']],
    ['.example.org.', ['a.example.org'], ['example.org']],
    ['example.org:443', ['example.org'], ['example.org:5000']],
    ['10.0.0.1', ['10.0.0.1', '10.0.0.1:5000'], ['10.0.0.10', '110.0.0.1']],
    ['10.0.0.1:5000', ['10.0.0.1:5000'], ['10.0.0.1']],
    ['10.0.0.0/8', ['10.1.2.3', '10.255.0.1:5000'], ['11.0.0.1', 'ten.example.org']],
    ['192.168.1.128/25', ['192.168.1.200'], ['192.168.1.100']],
    ['2001:db8::/32', ['[2001:db8:1::5]'], ['[2001:db9::1]', '10.0.0.1']],
    ['2001:db8::1', ['[2001:db8:0:0::1]'], ['[2001:db8::2]']],
    ['[2001:db8::1]:5000', ['[2001:db8::1]:5000'], ['[2001:db8::1]']],
    ['a.org, b.org c.org,,', ['a.org', 'b.org', 'c.org'], ['d.org']],
    ['Example.ORG', ['example.org'], ['ghcr.io']],
    ['münchen.example', ['xn--mnchen-3ya.example', 'münchen.example'], ['muenchen.example']],
    ['10.0.0.0/99', [], ['10.0.0.1']],
    ['.', [], ['ghcr.io']],
    ['/', [], ['ghcr.io', '10.0.0.1']],
    ['', [], ['ghcr.io']],
  ])('NO_PROXY=%j', (list, direct, proxied) => {
    const isProxied = (host: string): boolean =>
      proxyFor(new URL(`https://${host}`), { ...both, NO_PROXY: list }) !== undefined;
    expect(direct.filter(isProxied)).toEqual([]);
    expect(proxied.filter((host) => !isProxied(host))).toEqual([]);
  });

  test.each(['socks5://proxy:1080', 'socks5h://me:p%40w@proxy', 'SOCKS5://proxy'])('%s is a proxy', (value) => {
    expect(proxyFor(new URL('https://ghcr.io'), { ALL_PROXY: value })?.hostname).toBe('proxy');
  });

  test('no_proxy is read too', () => {
    expect(proxyFor(new URL('https://ghcr.io'), { ...both, no_proxy: 'ghcr.io' })).toBeUndefined();
  });

  test.each([
    [
      'socks4://hunter2@proxy:1080',
      'HTTPS_PROXY names a proxy of scheme "socks4", expected http, https, socks5 or socks5h',
    ],
    ['socks5://', 'HTTPS_PROXY names a proxy of scheme "socks5", expected http, https, socks5 or socks5h'],
    ...[
      'http://bob:1234#hunter2@10.0.0.1:3128',
      'bob:1234/hunter2@10.0.0.1:3128',
      'socks5://bob:12?hunter2@10.0.0.1',
    ].map((value) => [value, 'HTTPS_PROXY has a #, ?, / or \\ in its user or password: write %23, %3F, %2F or %5C']),
    ['http://hunter2:x@pro xy', 'HTTPS_PROXY is not the address of a proxy'],
    ['http://me:hunter2@', 'HTTPS_PROXY is not the address of a proxy'],
  ] as [string, string][])('%s is refused, without a secret in the message', (value, message) => {
    expect(() => proxyFor(new URL('https://ghcr.io'), { HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({ code: 'ERR_PROXY_INVALID', message }),
    );
  });

  test('whatever NO_PROXY holds, the question has an answer', () =>
    fc.assert(
      fc.property(fc.string(), fc.domain(), (list, host) => {
        expect([undefined, 'http://secure:3128/']).toContain(
          proxyFor(new URL(`https://${host}`), { ...both, NO_PROXY: list })?.href,
        );
      }),
    ));
});

test.each(['http://bob:1234#word@proxy:3128', 'bob:12?w@proxy', 'http://bob:a/b@proxy:1', 'https://bob:a\\b@proxy'])(
  'an address whose password breaks it is refused, and not repeated: %s',
  (value) => {
    const find = () => proxyFor(new URL('https://ghcr.io'), { HTTPS_PROXY: value });
    expect(find).toThrow(/^HTTPS_PROXY has a #, \?, \/ or \\ in its user or password: write %23, %3F, %2F or %5C$/);
    expect(find).not.toThrow(/bob/);
  },
);
