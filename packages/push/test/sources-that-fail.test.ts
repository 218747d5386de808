import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import type { SourceLayer } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { RegistryError, type RegistryErrorDetails } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import type { PushEvent } from '../src/index.ts';
import { digestOf, imageOf, noiseBytes, openBench } from './setup.ts';

const plain = noiseBytes(700_000);
const stored = new Uint8Array(gzipSync(plain));

/** An image of another registry, whose layer breaks off for so many times, after the bytes given. */
function brokenImage(times: number, after: number, details: Partial<RegistryErrorDetails>): ReturnType<typeof imageOf> {
  const whole = contentOf(stored);
  let left = times;
  const mediaType = mediaTypes.ociLayerGzip;
  const descriptor = { mediaType, digest: digestBytes(stored), size: stored.byteLength };
  const layer: SourceLayer = {
    diffID: digestBytes(plain),
    compression: 'gzip',
    descriptor,
    content: {
      size: stored.byteLength,
      open: async function* (options) {
        const isBroken = left > 0;
        left -= 1;
        let read = 0;
        for await (const chunk of whole.open(options)) {
          if (isBroken && read + chunk.byteLength > after) {
            yield chunk.subarray(0, after - read);
            const code = 'ERR_REGISTRY_UNREACHABLE';
            throw new RegistryError('GET of the source failed', { code, transient: true, ...details });
          }
          yield chunk;
          read += chunk.byteLength;
        }
      },
    },
  };
  const image = imageOf([layer]);
  const config = { ...image.config, mediaType: mediaTypes.ociConfig };
  const { digest, bytes } = config;
  const named = { mediaType: config.mediaType, digest, size: bytes.byteLength };
  return { ...image, config, manifest: buildOciManifest({ config: named, layers: [descriptor] }) };
}

const codes = (events: readonly PushEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'warning' ? event.code : []));

describe('a registry that is the source', () => {
  test.each([
    ['breaks off', { reason: 'ECONNRESET' }],
    ['stalls', { reason: 'timeout' }],
    ['answers what a destination says that takes no such request', { code: 'ERR_REGISTRY_NOT_FOUND', status: 404 }],
    ['answers what a destination says to a body that is too large', { code: 'ERR_REGISTRY_UNEXPECTED', status: 413 }],
    ['is busy', { code: 'ERR_REGISTRY_RATE_LIMITED', status: 429, retryAfterMs: 1 }],
    ['fails at the last byte', { reason: 'ECONNRESET', after: stored.byteLength - 1 }],
  ] as const)(
    '%s: the destination gets the blob in the shape that it takes',
    async (_, {
      after = 300_000,
      ...details
    }: {
      after?: number;
    } & Partial<RegistryErrorDetails>) => {
      await using bench = await openBench();
      digestOf(await bench.push(brokenImage(4, after, details), 'demo/app:1'));
      expect(codes(bench.events)).toEqual([]);
      const sent = bench.registry.requests.filter(
        ({ method, path }) => method !== 'HEAD' && path.includes('/uploads/'),
      );
      expect(new Set(sent.map(({ method }) => method))).not.toContain('PATCH');
      expect(bench.events.filter(({ type }) => type === 'blob:retrying')).toHaveLength(4);
      await bench.registry.verify();
    },
  );

  test('fails as long as it is tried: the failure is the source’s', async () => {
    await using bench = await openBench();
    const [result] = await bench.push(brokenImage(99, 1000, { reason: 'ECONNRESET' }), 'demo/app:1');
    expect(result).toMatchObject({
      ok: false,
      error: {
        ...{ code: 'ERR_PUSH_FAILED', origin: 'source', op: 'read' },
        message: expect.stringMatching(
          /^Could not read layer \w+: GET of the source failed \(gave up after 5 attempts\)$/,
        ),
        cause: { code: 'ERR_RETRIES_EXHAUSTED' },
      },
    });
  });
});
