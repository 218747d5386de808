import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

describe('parseChallenges', () => {
  test.each<[string, string[], [string, Record<string, string>][]]>([
    [
      'a bearer challenge as registries send it',
      ['Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'],
      [['bearer', { realm: 'https://auth.docker.io/token', service: 'registry.docker.io' }]],
    ],
    ['a basic challenge', ['Basic realm="Registry Realm"'], [['basic', { realm: 'Registry Realm' }]]],
    ['a scheme alone', ['Negotiate'], [['negotiate', {}]]],
    ['scheme and keys in any case', ['BEARER Realm="https://a"'], [['bearer', { realm: 'https://a' }]]],
    ['values without quotes', ['Bearer realm=here,service=there'], [['bearer', { realm: 'here', service: 'there' }]]],
    [
      'a URL without quotes',
      ['Bearer realm=https://auth.example:8443/token?x=1&y=a%2Cb,service=x.example:5000,scope=repository:a/b:pull'],
      [
        [
          'bearer',
          {
            realm: 'https://auth.example:8443/token?x=1&y=a%2Cb',
            service: 'x.example:5000',
            scope: 'repository:a/b:pull',
          },
        ],
      ],
    ],
    [
      'a URL without quotes, space around it, and others after it',
      ['Bearer realm= https://a/token , service="b", Basic realm=[c]'],
      [
        ['bearer', { realm: 'https://a/token', service: 'b' }],
        ['basic', { realm: '[c]' }],
      ],
    ],
    ['a URL without quotes to the end', ['Bearer realm=https://a/token'], [['bearer', { realm: 'https://a/token' }]]],
    ['reading stops at a semicolon', ['Bearer realm=https://a/t;service=b'], [['bearer', { realm: 'https://a/t' }]]],
    ['reading stops at a quote within', ['Bearer realm=a"b",service=c'], [['bearer', { realm: 'a' }]]],
    ['space around commas', ['Bearer realm="a" , service="b"'], [['bearer', { realm: 'a', service: 'b' }]]],
    ['escapes within quotes', ['Basic realm="a\\"b\\\\c"'], [['basic', { realm: 'a"b\\c' }]]],
    [
      'commas within quotes',
      ['Bearer scope="repository:a:pull,push"'],
      [['bearer', { scope: 'repository:a:pull,push' }]],
    ],
    ['the last of equal keys', ['Bearer realm="a",realm="b"'], [['bearer', { realm: 'b' }]]],
    [
      'one challenge a line',
      ['Bearer realm="a"', 'Basic realm="b"'],
      [
        ['bearer', { realm: 'a' }],
        ['basic', { realm: 'b' }],
      ],
    ],
    [
      'several challenges in a line',
      ['Basic realm="a, b", Bearer realm="c",service="d" , Digest realm=e'],
      [
        ['basic', { realm: 'a, b' }],
        ['bearer', { realm: 'c', service: 'd' }],
        ['digest', { realm: 'e' }],
      ],
    ],
    [
      'a scheme alone before others',
      ['Negotiate, NTLM,Basic realm="a"'],
      [
        ['negotiate', {}],
        ['ntlm', {}],
        ['basic', { realm: 'a' }],
      ],
    ],
    [
      'a value without a key before others',
      ['Negotiate YIIx+/a==, Bearer realm="a"'],
      [
        ['negotiate', {}],
        ['bearer', { realm: 'a' }],
      ],
    ],
    [
      'a scheme alone after others',
      ['Bearer realm="a", Negotiate'],
      [
        ['bearer', { realm: 'a' }],
        ['negotiate', {}],
      ],
    ],
    ['reading stops at an empty value', ['Bearer realm="",service="b"'], [['bearer', {}]]],
    ['reading stops at a parameter without a scheme', ['Negotiate,scope="c"'], [['negotiate', {}]]],
    ['reading stops at a missing comma', ['Bearer realm="a" service="b"'], [['bearer', { realm: 'a' }]]],
    [
      'space around equals signs',
      ['Bearer realm = "a" , service\t=\t"b", Basic realm ="c"'],
      [
        ['bearer', { realm: 'a', service: 'b' }],
        ['basic', { realm: 'c' }],
      ],
    ],
    ['reading stops at an open quote', ['Bearer realm="a",service="b'], [['bearer', { realm: 'a' }]]],
    ['reading stops at a lone backslash', ['Bearer realm="a\\'], [['bearer', {}]]],
    ['empty pieces', ['Bearer realm="a",, ,service="b",'], [['bearer', { realm: 'a', service: 'b' }]]],
    ['an empty line is none', [''], []],
    ['a line that begins with a separator is none', ['=x', ' Bearer realm="a"'], []],
    ['characters outside ASCII are no token', ['Bearer réalm="a"'], [['bearer', {}]]],
  ])('%s', (_, lines, expected) => {
    const read = parseChallenges(lines).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
    expect(read).toEqual(expected);
  });

  test('what was quoted is read back', () => {
    const quoted = fc.string({ minLength: 1 }).map((text) => text.replace(/[\r\n]/g, ''));
    fc.assert(
      fc.property(
        quoted.filter((text) => text !== ''),
        quoted,
        (realm, service) => {
          const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
          const [challenge] = parseChallenges([`Bearer realm=${quote(realm)},service=${quote(service)}`]);
          expect(challenge?.parameters.get('realm')).toBe(realm);
          expect(challenge?.parameters.get('service') ?? '').toBe(service);
        },
      ),
    );
  });

  test.each([
    ['commas', ','],
    ['quotes', '"'],
    ['backslashes', 'a="\\'],
    ['pairs', 'a=b,'],
    ['colons', 'a=:'],
    ['spaces', ' '],
  ])('half a megabyte of %s is read in one pass', (_, piece) => {
    const line = `Bearer ${piece.repeat(524_288 / piece.length)}`;
    expect(parseChallenges([line])[0]?.scheme).toBe('bearer'); // a quadratic reader would run into the test's time limit
  });
});
