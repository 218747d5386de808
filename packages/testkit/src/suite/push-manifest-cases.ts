import type { Digest } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { expect } from 'vitest';
import { asManifest, codesOf, descriptorOf, encode, expectCode, imageManifest, someBlob } from './client.ts';
import type { Rule } from './rule.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests */
export function manifestCases(rule: Rule): void {
  rule('a manifest is taken under a tag and under its digest', async (client) => {
    const { digest, bytes } = await client.pushImage('app', 'v1');
    const put = await client.putManifest('app', digest, bytes);
    expect([put.status, put.header('docker-content-digest')]).toEqual([201, digest]);
    expect((await client.send(client.locationOf(put), asManifest)).status).toBe(200);
  });

  rule('a tag moves', async (client) => {
    await client.pushImage('app', 'v1');
    const { digest } = await client.pushImage('app', 'v1');
    const head = await client.send('/v2/app/manifests/v1', {
      method: 'HEAD',
      headers: { accept: mediaTypes.ociManifest },
    });
    expect(head.header('docker-content-digest')).toBe(digest);
  });

  rule('a manifest under another digest is refused', async (client) => {
    const { bytes } = await client.pushImage('app', 'v1');
    expectCode(await client.putManifest('app', someBlob().digest, bytes), 400, 'DIGEST_INVALID');
  });

  rule('a manifest that names an absent blob is refused', async (client) => {
    const config = await client.pushBlob('app');
    const bytes = imageManifest(descriptorOf(mediaTypes.ociConfig, config), [
      descriptorOf(mediaTypes.ociLayer, someBlob()),
    ]);
    const put = await client.putManifest('app', 'v1', bytes);
    expect([400, 404]).toContain(put.status);
    expect(codesOf(put)).toContain('MANIFEST_BLOB_UNKNOWN');
    expect((await client.send('/v2/app/manifests/v1')).status).toBe(404);
  });

  rule('a manifest that is no JSON is refused', async (client) => {
    expectCode(await client.putManifest('app', 'v1', new TextEncoder().encode('{')), 400, 'MANIFEST_INVALID');
  });

  rule('a manifest of nearly 4 MiB is taken', async (client) => {
    const { digest } = await client.pushImage('app', 'large', { filler: 'A'.repeat(3_900_000) });
    expect((await client.send(`/v2/app/manifests/${digest}`, asManifest)).status).toBe(200);
  });

  rule('an image without layers is taken', async (client) => {
    const config = await client.pushBlob('app');
    const put = await client.putManifest('app', 'v1', imageManifest(descriptorOf(mediaTypes.ociConfig, config), []));
    expect(put.status).toBe(201);
  });

  rule('a layer that lives elsewhere need not be there', async (client) => {
    const config = await client.pushBlob('app');
    const foreign = {
      ...descriptorOf(mediaTypes.ociNondistributableLayerGzip, someBlob()),
      urls: ['https://store.example.com/layer'],
    };
    const put = await client.putManifest(
      'app',
      'v1',
      imageManifest(descriptorOf(mediaTypes.ociConfig, config), [foreign]),
    );
    expect(put.status).toBe(201);
  });

  rule('an index is taken once its manifests are there', async (client) => {
    const image = await client.pushImage('app', 'v1');
    const index = (digest: Digest): Uint8Array =>
      encode({
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: image.bytes.byteLength }],
      });
    expect((await client.putManifest('app', 'many', index(image.digest), mediaTypes.ociIndex)).status).toBe(201);
    expect([400, 404]).toContain(
      (await client.putManifest('app', 'none', index(someBlob().digest), mediaTypes.ociIndex)).status,
    );
  });

  rule('a subject is acknowledged', async (client) => {
    const subject = await client.pushImage('app', 'v1');
    const { put } = await client.pushArtifact('app', 'application/vnd.example.one', subject);
    expect([put.status, put.header('oci-subject')]).toEqual([201, subject.digest]);
  });
}
