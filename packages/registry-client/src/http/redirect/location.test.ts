import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acknowledgedBytes, parseNextLink, parseRange, resolveLocation, withParameter } from './location.ts';

const digest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const encoded = digest.replace(':', '%3A');

describe('withParameter', () => {
  test.each([
    ['no query', 'https://r/v2/a/blobs/uploads/1', `https://r/v2/a/blobs/uploads/1?digest=${encoded}`],
    ['a state', 'https://r/u?_state=a%2Bb%3D%3D', `https://r/u?_state=a%2Bb%3D%3D&digest=${encoded}`],
    [
      'a state that another encoder would write differently',
      'https://r/u?s=a+b/c=~!*()',
      `https://r/u?s=a+b/c=~!*()&digest=${encoded}`,
    ],
    ['keys out of order, twice', 'https://r/u?b=1&a=2&b=3', `https://r/u?b=1&a=2&b=3&digest=${encoded}`],
    ['a question mark and nothing after it', 'https://r/u?', `https://r/u?digest=${encoded}`],
  ])('%s', (_, location, expected) => {
    expect(withParameter(new URL(location), 'digest', digest).href).toBe(expected);
  });

  test('the query the registry gave is a prefix of the new one, byte for byte', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), (href) => {
        const url = new URL(href);
        expect(withParameter(url, 'digest', digest).search.startsWith(url.search)).toBe(true);
        expect(withParameter(url, 'digest', digest).searchParams.getAll('digest').at(-1)).toBe(digest);
      }),
    );
  });
});

describe('resolveLocation', () => {
  const base = new URL('https://r.example/v2/a/blobs/uploads/?from=x');
  test.each([
    ['absolute', 'https://other:1/u?s=1', 'https://other:1/u?s=1'],
    ['relative to the host', '/v2/a/blobs/uploads/1?_state=x%3D', 'https://r.example/v2/a/blobs/uploads/1?_state=x%3D'],
    ['relative to the path', '1?s=2', 'https://r.example/v2/a/blobs/uploads/1?s=2'],
    ['without a scheme', '//cdn.example/u', 'https://cdn.example/u'],
    ['with a user, which is dropped', 'https://u:p@r.example/u', 'https://r.example/u'],
    ['with a fragment, which is dropped', '/u#f', 'https://r.example/u'],
  ])('%s', (_, location, expected) => {
    expect(resolveLocation(location, base).href).toBe(expected);
  });

  test.each([
    ['https://', 'ERR_REGISTRY_PROTOCOL'],
    ['file:///etc/passwd', 'ERR_REGISTRY_REDIRECT_REFUSED'],
    ['javascript:alert(1)', 'ERR_REGISTRY_REDIRECT_REFUSED'],
  ])('%s is refused', (location, code) => {
    expect(() => resolveLocation(location, base)).toThrow(expect.objectContaining({ code }));
  });
});

describe('parseRange', () => {
  test.each([
    ['0-1023', { start: 0, end: 1023 }],
    ['bytes=0-1023', { start: 0, end: 1023 }],
    ['bytes 0-1023/*', { start: 0, end: 1023 }],
    ['0-0', { start: 0, end: 0 }],
    ['bytes=0--1', { start: 0, end: -1 }],
    ['5-9', { start: 5, end: 9 }],
    [' 0-5 ', { start: 0, end: 5 }],
    ['', undefined],
    ['5', undefined],
    ['5-', undefined],
    ['-5', undefined],
    ['9-5', undefined],
    ['a-b', undefined],
    ['0-99999999999999999999', undefined],
    ['0-9007199254740993', undefined],
  ])('%j', (header, expected) => {
    expect(parseRange(header)).toEqual(expected);
  });
});

describe('acknowledgedBytes', () => {
  test.each([
    ['all of it', 0, 99, 100, 100],
    ['a part of it', 0, 49, 100, 50],
    ['nothing, as Quay writes it', 0, -1, 0, 0],
    ['nothing, as distribution 2.8 writes it', 0, 0, 0, 0],
    ['one byte of one', 0, 0, 1, 1],
    ['next to nothing of many', 0, 0, 100, 0],
    ['one byte or none, sent by another process', 0, 0, undefined, 0],
    ['what another process sent', 0, 99, undefined, 100],
    ['an exclusive end', 0, 100, 100, 100],
    ['the newest chunk alone', 50, 99, 100, 100],
  ])('%s', (_, start, end, sent, expected) => {
    expect(acknowledgedBytes({ start, end }, sent)).toBe(expected);
  });
});

describe('parseNextLink', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['</v2/a/tags/list?last=b&n=2>; rel="next"', '/v2/a/tags/list?last=b&n=2'],
    ['<https://r/x>;rel=next', 'https://r/x'],
    ['</a>; rel="prev", </b>; rel="next"', '/b'],
    ['</a>; title="x"; rel="prefetch next"', '/a'],
    ['</a>; rel="nextish"', undefined],
    ['</a>; rel="prev"', undefined],
    ['</a; rel="next"', undefined],
    ['<'.repeat(100_000), undefined],
    ['<>'.repeat(100_000), undefined],
  ])('%.60j', (header, expected) => {
    expect(parseNextLink(header)).toBe(expected);
  });
});
