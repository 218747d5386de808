import { describe, expect, test } from 'vitest';
import { assertPushSettings } from './assert-push-settings.ts';
import { type PushRequest, type PushSettings, readPushRequest } from './push-request.ts';

describe('options that do not fit together are refused', () => {
  test.each<[string, PushSettings]>([
    ['know gzip layers only', { format: 'schema1', compression: 'zstd' }],
    ['know gzip layers only', { protocol: 'v1', compression: ['gzip', 'none'] }],
    ['`recompress` needs `compression`', { recompress: true }],
    ['`compressionLevel` has no effect', { compression: 'none', compressionLevel: 2 }],
    ['`compressionLevel: 12` is for zstd', { compression: ['gzip', 'zstd'], compressionLevel: 12 }],
    ['`format: docker` cannot tell', { format: 'docker', compression: ['gzip', 'none'] }],
    ['`protocol: v1` excludes `format: oci`', { protocol: 'v1', format: 'oci' }],
    ['`protocol: v1` excludes `format: schema1-2015`', { format: 'schema1-2015', protocol: 'v1' }],
    ['`protocol: v2` excludes `format: v1`', { format: 'v1', protocol: 'v2' }],
    ['`dryRun` cannot ask', { format: 'v1', dryRun: true }],
    ['`compressionLevel: 12` is for zstd', { compressionLevel: 12 }],
    ['`compressor` is for gzip', { compressor: 'zlib', compression: 'zstd' }],
    ['`format: docker` cannot hold zstd layers', { format: 'docker', compression: 'zstd' }],
    ['"a/b" is neither a tag nor a digest', { learnFrom: 'a/b' }],
    ['`learn: off` excludes `learnFrom`', { learn: false, learnFrom: 'v1' }],
    ['`tags` chooses among the tags of `allTags`', { tags: 'v1.*' }],
    ['`newerThan` chooses among', { newerThan: '30d', allTags: false }],
  ])('%s', (message, settings) => {
    expect(() => assertPushSettings(settings)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_OPTION', message: expect.stringContaining(message) }),
    );
  });

  test.each<[PushSettings]>([
    [{ format: 'oci', compression: 'zstd', compressionLevel: 19 }],
    [{ allTags: true, into: true, tags: 'v*', newerThan: new Date(0) }],
    [{ into: false }],
    [{ format: 'v1' }],
    [{ format: 'v1', protocol: 'auto' }],
    [{ format: 'v1', protocol: 'v1' }],
    [{ learn: 'trust', learnFrom: `sha256:${'a'.repeat(64)}` }],
  ])('%j fits', (settings) => {
    expect(() => assertPushSettings(settings)).not.toThrow();
  });
});

describe('options are read as their kinds have it', () => {
  const request: PushRequest = { source: 'app.tar', to: 'ghcr.io/me/app' };

  test('texts become values', () => {
    expect(readPushRequest({ ...request, platform: 'linux/aarch64', newerThan: '2026-01-31' })).toMatchObject({
      ...request,
      platform: { os: 'linux', architecture: 'arm64' },
      newerThan: new Date('2026-01-31'),
    });
  });

  test.each<[string, object]>([
    ['Expected `platform` to be os/architecture[/variant], such as linux/arm64, got "arm 64"', { platform: 'arm 64' }],
    ['Expected `format` to be one of keep, docker, oci, schema1, schema1-2015, v1, got "tar"', { format: 'tar' }],
    ['Expected `compressionLevel` to be a whole number, 1 to 19, got 20', { compressionLevel: 20 }],
    ['Expected `force` to be true or false, got "yes"', { force: 'yes' }],
    ['Expected `tags` to be a text that is not empty, got a list', { tags: ['v1'] }],
    ['got null', { verify: null }],
  ])('%s', (message, options) => {
    expect(() => readPushRequest({ ...request, ...options } as PushRequest)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_OPTION', message: expect.stringContaining(message) }),
    );
  });

  test('a push without a request is told what it needs', () => {
    expect(() => readPushRequest(undefined as never)).toThrow(expect.objectContaining({ code: 'ERR_CLIENT_OPTION' }));
  });
});
