import { describe, expect, test } from 'vitest';
import {
  aPlatform,
  aText,
  byteRate,
  duration,
  layerForms,
  nondistributable,
  pointInTime,
  wholeNumber,
} from './value-kinds.ts';

describe('platform', () => {
  test.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/ARM64', { os: 'linux', architecture: 'arm64' }],
    ['linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['linux/aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['windows(10.0.20348.1)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' }],
  ])('%s', (text, expected) => {
    expect(aPlatform.read(text)).toEqual(expected);
  });

  test.each(['', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux amd64'])('%j is refused', (text) => {
    expect(aPlatform.read(text)).toBeUndefined();
  });
});

test.each(['', ' ', '\t\n'])('%j is no text', (text) => {
  expect(aText.read(text)).toBeUndefined();
  expect(nondistributable.read([text])).toBeUndefined();
  expect(nondistributable.read(text)).toBeUndefined();
});

test.each([
  [1, 9, '1', 1],
  [1, 9, '9', 9],
  [0, undefined, '0', 0],
])('a whole number from %d to %s may be %s', (least, most, text, value) => {
  expect(wholeNumber(least, most).read(text)).toBe(value);
  expect(wholeNumber(least, most).read(value)).toBe(value);
});

test.each([
  [1, 9, '0'],
  [1, 9, '10'],
  [0, undefined, '-1'],
  [0, undefined, '1.5'],
  [0, undefined, '1e3'],
  [0, undefined, ''],
])('a whole number from %d to %s is not %j', (least, most, text) => {
  expect(wholeNumber(least, most).read(text)).toBeUndefined();
});

test('a rate is at least a kilobyte a second', () => {
  expect(byteRate.read('500k')).toBe(500_000);
  expect(byteRate.read(2_000)).toBe(2_000);
  for (const value of ['0', '999', 'fast', 999, 1e20, null]) expect(byteRate.read(value)).toBeUndefined();
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
  expect(duration.read(text)).toBe(milliseconds);
});

test.each(['0', '0ms', '25h', '-1', '1d', '1e3', '', 's', '1 s'])('%j is no time', (text) => {
  expect(duration.read(text)).toBeUndefined();
});

test('a number is milliseconds already, and no text', () => {
  expect(duration.read(90)).toBe(90);
  for (const value of [0, 86_400_001, Number.NaN, {}, null]) expect(duration.read(value)).toBeUndefined();
});

test.each([
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.000Z'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
])('%s is a point in time', (value, iso) => {
  expect(pointInTime.read(value)?.toISOString()).toBe(iso);
});

test.each(['30', 'yesterday', '2026', '1y', new Date(Number.NaN), 5])('%s is no point in time', (value) => {
  expect(pointInTime.read(value)).toBeUndefined();
});

test('an age counts back from now', () => {
  const age = Date.now() - (pointInTime.read('2d')?.getTime() ?? 0);
  expect(Math.round(age / 3_600_000)).toBe(48);
});

test.each([
  ['all', 'all'],
  [true, 'all'],
  ['r.example:5000', ['r.example:5000']],
  [
    ['10.0.0.0/8', 'r.example'],
    ['10.0.0.0/8', 'r.example'],
  ],
  ['https://r.example', undefined],
  [[1], undefined],
])('foreign layers go to %j', (value, choice) => {
  expect(nondistributable.read(value)).toEqual(choice);
});

test.each([
  ['keep', 'keep'],
  ['none', 'none'],
  ['gzip,zstd', ['gzip', 'zstd']],
  [['zstd'], 'zstd'],
  ['keep,gzip', undefined],
  ['gzip,', undefined],
  ['lz4', undefined],
  [[], undefined],
  [['gzip', 'keep'], undefined],
])('layers go as %j', (value, forms) => {
  expect(layerForms.read(value)).toEqual(forms);
});
