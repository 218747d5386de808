import { describe, expect, test } from 'vitest';
import { byteRate, compression, duration, platform, wholeNumber } from './option-values.ts';

describe('platform', () => {
  test.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/ARM64', { os: 'linux', architecture: 'arm64' }],
    ['linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['linux/aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['windows(10.0.20348.1)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' }],
  ])('%s', (text, expected) => {
    expect(platform(text)).toEqual(expected);
  });

  test.each(['', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux amd64'])('%j is refused', (text) => {
    expect(() => platform(text)).toThrow('such as linux/arm64');
  });
});

test.each([
  [1, 9, '1', 1],
  [1, 9, '9', 9],
  [0, undefined, '0', 0],
])('a whole number from %d to %s may be %s', (least, most, text, value) => {
  expect(wholeNumber(least, most)(text)).toBe(value);
});

test.each([
  [1, 9, '0'],
  [1, 9, '10'],
  [0, undefined, '-1'],
  [0, undefined, '1.5'],
  [0, undefined, '1e3'],
  [0, undefined, ''],
])('a whole number from %d to %s is not %j', (least, most, text) => {
  expect(() => wholeNumber(least, most)(text)).toThrow('Expected a whole number');
});

test('a rate is at least a kilobyte a second', () => {
  expect(byteRate('500k')).toBe(500_000);
  for (const text of ['0', '999', 'fast']) expect(() => byteRate(text)).toThrow('such as 500k');
});

test.each([
  ['90', 90_000],
  ['90s', 90_000],
  ['1.5m', 90_000],
  ['500ms', 500],
  ['0.25', 250],
  ['1h', 3_600_000],
  ['24h', 86_400_000],
])('a time of %s', (text, milliseconds) => {
  expect(duration(text)).toBe(milliseconds);
});

test.each(['0', '0ms', '25h', '-1', '1d', '1e3', '', 's', '1 s'])('%j is no time', (text) => {
  expect(() => duration(text)).toThrow('such as 90, 90s or 2m');
});

describe('compression', () => {
  test.each([
    ['keep', 'keep'],
    ['none', 'none'],
    ['gzip,zstd', ['gzip', 'zstd']],
  ])('%s', (text, expected) => {
    expect(compression(text)).toEqual(expected);
  });

  test.each([
    ['keep,gzip', 'keep stands alone'],
    ['gzip,', '"" is none of'],
    ['lz4', '"lz4" is none of'],
  ])('%s is refused', (text, message) => {
    expect(() => compression(text)).toThrow(message);
  });
});
