import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPlatform, matchPlatform, normalizePlatform, type Platform, parsePlatform } from './platform.ts';

describe('parsePlatform', () => {
  test.each<[string, Platform, string]>([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['linux/amd64/v1', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['linux/amd64/v3', { os: 'linux', architecture: 'amd64', variant: 'v3' }, 'linux/amd64/v3'],
    ['linux/x86_64', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['linux/x86-64', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['linux/i386', { os: 'linux', architecture: '386' }, 'linux/386'],
    ['Linux/AMD64', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['linux/arm64', { os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
    ['linux/arm64/8', { os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
    ['linux/arm64/v9', { os: 'linux', architecture: 'arm64', variant: 'v9' }, 'linux/arm64/v9'],
    ['linux/aarch64', { os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
    ['linux/arm', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7'],
    ['linux/arm/7', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7'],
    ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v6' }, 'linux/arm/v6'],
    ['linux/armhf', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7'],
    ['linux/armel', { os: 'linux', architecture: 'arm', variant: 'v6' }, 'linux/arm/v6'],
    ['linux/riscv64', { os: 'linux', architecture: 'riscv64' }, 'linux/riscv64'],
    ['macos/arm64', { os: 'darwin', architecture: 'arm64' }, 'darwin/arm64'],
    [
      'windows(10.0.17763)/amd64',
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763' },
      'windows(10.0.17763)/amd64',
    ],
    ['windows()/amd64', { os: 'windows', architecture: 'amd64' }, 'windows/amd64'],
    ['unknown/unknown', { os: 'unknown', architecture: 'unknown' }, 'unknown/unknown'],
    ['linux', { os: 'linux', architecture: 'amd64' }, 'linux/amd64'],
    ['windows(10.0)', { os: 'windows', architecture: 'amd64', 'os.version': '10.0' }, 'windows(10.0)/amd64'],
    ['aarch64', { os: 'linux', architecture: 'arm64' }, 'linux/arm64'],
    ['arm', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7'],
  ])('%s', (text, expected, formatted) => {
    const platform = parsePlatform(text);
    expect(platform).toEqual(expected);
    expect(platform).toSatisfy(Object.isFrozen);
    expect(formatPlatform(platform)).toBe(formatted);
  });

  test('a single word leaves the rest to the defaults', () => {
    const defaults: Platform = { os: 'windows', architecture: 'arm', variant: 'v6', 'os.version': '10.0' };
    expect(parsePlatform('linux', { defaults })).toEqual({ os: 'linux', architecture: 'arm', variant: 'v6' });
    expect(parsePlatform('arm64', { defaults })).toEqual({ os: 'windows', architecture: 'arm64' });
  });

  test.each([
    [''],
    ['/'],
    ['linux/'],
    ['/amd64'],
    ['linux/arm/'],
    ['linux/arm/v7/x'],
    ['nonsense'],
    ['linux/a b'],
    ['li nux/arm'],
    ['linux(1/amd64'],
    ['linux/amd64\n'],
    ['x'.repeat(1_000_000)],
  ])('%j is refused', (text) => {
    expect(() => parsePlatform(text)).toThrow(
      expect.objectContaining({
        name: 'InvalidPlatformError',
        code: 'ERR_PLATFORM_INVALID',
        message: expect.stringMatching(/^invalid platform ".{0,125}": /),
      }),
    );
  });

  test('parse and format are inverses', () => {
    const platform = fc
      .record({
        os: fc.constantFrom('linux', 'windows', 'darwin', 'macos'),
        architecture: fc.constantFrom('amd64', 'x86_64', 'arm', 'armhf', 'arm64', 's390x'),
        variant: fc.constantFrom(undefined, 'v1', 'v6', 'v7', 'v8', '8'),
        'os.version': fc.constantFrom(undefined, '10.0.17763'),
      })
      .map(normalizePlatform);
    fc.assert(
      fc.property(platform, (normal) => {
        expect(normalizePlatform(normal)).toEqual(normal);
        expect(parsePlatform(formatPlatform(normal))).toEqual(normal);
        expect(matchPlatform(normal, normal)).toBe(true);
      }),
    );
  });
});

test.each<[string, Platform, boolean]>([
  ['linux/amd64', { os: 'linux', architecture: 'amd64' }, true],
  ['linux/amd64', { os: 'linux', architecture: 'x86_64' }, true],
  ['linux/amd64', { os: 'linux', architecture: 'amd64', variant: 'v2' }, false],
  ['linux/amd64', { os: 'windows', architecture: 'amd64' }, false],
  ['linux/amd64', { os: 'linux', architecture: 'arm64' }, false],
  ['linux/amd64', { os: 'unknown', architecture: 'unknown' }, false],
  ['linux/arm64', { os: 'linux', architecture: 'arm64', variant: 'v8' }, true],
  ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }, true],
  ['linux/arm', { os: 'linux', architecture: 'arm', variant: 'v7' }, true],
  ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v7' }, false],
  ['windows/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2227' }, true],
  ['windows(10.0.20348)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2227' }, true],
  ['windows(10.0.20348)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348' }, true],
  ['windows(10.0.2034)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.2227' }, false],
  ['windows(10.0.20348)/amd64', { os: 'windows', architecture: 'amd64' }, false],
])('%s takes %j: %s', (wanted, candidate, expected) => {
  expect(matchPlatform(parsePlatform(wanted), candidate)).toBe(expected);
});

test('every feature asked for must be there', () => {
  const wanted: Platform = { os: 'windows', architecture: 'amd64', 'os.features': ['win32k'] };
  expect(matchPlatform(wanted, { ...wanted, 'os.features': ['a', 'win32k'] })).toBe(true);
  expect(matchPlatform(wanted, { ...wanted, 'os.features': [] })).toBe(false);
});
