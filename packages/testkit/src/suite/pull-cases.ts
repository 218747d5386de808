import { digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { expect } from 'vitest';
import { expectCode, someBlob } from './client.ts';
import type { Rule } from './rule.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pull */
export function pullCases(rule: Rule): void {
  rule('the base answers 200', async (client) => {
    expect((await client.send('/v2/')).status).toBe(200);
  });

  rule('an absent blob is 404, by HEAD and GET', async (client) => {
    const path = `/v2/app/blobs/${someBlob().digest}`;
    expect((await client.send(path, { method: 'HEAD' })).status).toBe(404);
    expectCode(await client.send(path), 404, 'BLOB_UNKNOWN');
  });

  rule('a blob is told of by HEAD and handed out by GET', async (client) => {
    const { bytes, digest } = await client.pushBlob('app');
    const head = await client.send(`/v2/app/blobs/${digest}`, { method: 'HEAD' });
    expect([head.status, head.header('content-length'), head.body.byteLength]).toEqual([
      200,
      String(bytes.byteLength),
      0,
    ]);
    const got = await client.send(`/v2/app/blobs/${digest}`);
    expect([got.status, got.header('docker-content-digest')]).toEqual([200, digest]);
    expect(digestBytes(got.body)).toBe(digest);
  });

  for (const [range, from, to] of [
    ['bytes=500-1499', 500, 1500],
    ['bytes=500-', 500, 2500],
    ['bytes=-500', 2000, 2500],
    ['bytes=2000-5000', 2000, 2500],
  ] as const) {
    rule(`a part of a blob is handed out: ${range}`, async (client) => {
      const { bytes, digest } = await client.pushBlob('app', someBlob(2500));
      const got = await client.send(`/v2/app/blobs/${digest}`, { headers: { range } });
      expect([got.status, got.header('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/2500`]);
      expect(Buffer.compare(got.body, bytes.subarray(from, to))).toBe(0);
    });
  }

  rule('a part beyond a blob is 416', async (client) => {
    const { digest } = await client.pushBlob('app', someBlob(2500));
    expect((await client.send(`/v2/app/blobs/${digest}`, { headers: { range: 'bytes=5000-10000' } })).status).toBe(416);
  });

  rule('an absent manifest is 404, by tag and by digest', async (client) => {
    expectCode(await client.send('/v2/app/manifests/absent'), 404, 'MANIFEST_UNKNOWN');
    expect((await client.send(`/v2/app/manifests/${someBlob().digest}`)).status).toBe(404);
    expect((await client.send('/v2/app/manifests/absent', { method: 'HEAD' })).status).toBe(404);
  });

  rule('a manifest is handed out byte for byte, by tag and by digest', async (client) => {
    const { digest, bytes } = await client.pushImage('app', 'v1');
    for (const tagOrDigest of ['v1', digest]) {
      const got = await client.send(`/v2/app/manifests/${tagOrDigest}`, {
        headers: { accept: mediaTypes.ociManifest },
      });
      expect([got.status, got.header('content-type')]).toEqual([200, mediaTypes.ociManifest]);
      expect(Buffer.compare(got.body, bytes)).toBe(0);
      const head = await client.send(`/v2/app/manifests/${tagOrDigest}`, {
        method: 'HEAD',
        headers: { accept: mediaTypes.ociManifest },
      });
      expect([head.status, head.header('docker-content-digest')]).toEqual([200, digest]);
      expect(head.header('content-length')).toBe(String(bytes.byteLength));
    }
  });
}
