import { type Digest, digestBytes } from '@slipway/digest';
import { expect } from 'vitest';
import { type Blob, type Client, expectCode, inPieces, octetStream, someBlob } from './client.ts';
import type { Rule } from './rule.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs */
export function blobCases(rule: Rule): void {
  rule('POST then PUT takes a whole blob', async (client) => {
    const blob = someBlob();
    const put = await client.put(await client.begin('app'), blob.digest, blob.bytes);
    await client.expectCreated(put, blob);
  });

  rule('POST with a digest takes a whole blob, or begins a session', async (client) => {
    const blob = someBlob();
    const posted = await client.send(`/v2/app/blobs/uploads/?digest=${blob.digest}`, {
      method: 'POST',
      body: blob.bytes,
      headers: octetStream,
    });
    expect([201, 202]).toContain(posted.status);
    const done = posted.status === 201 ? posted : await client.put(client.locationOf(posted), blob.digest, blob.bytes);
    await client.expectCreated(done, blob);
  });

  rule('PATCH takes a stream, PUT closes it', async (client) => {
    const blob = someBlob(300_000);
    const patched = await client.patch(await client.begin('app'), inPieces(blob.bytes));
    expect([patched.status, patched.header('range')]).toEqual([202, '0-299999']);
    await client.expectCreated(await client.put(client.locationOf(patched), blob.digest), blob);
  });

  rule('a blob of no bytes is a blob', async (client) => {
    const blob = { bytes: new Uint8Array(), digest: digestBytes(new Uint8Array()) };
    await client.expectCreated(await client.put(await client.begin('app'), blob.digest, blob.bytes), blob);
  });

  rule('a blob may be pushed twice', async (client) => {
    const blob = await client.pushBlob('app');
    await client.pushBlob('app', blob);
  });

  rule('sha512 names a blob as well', async (client) => {
    const { bytes } = someBlob();
    const blob = { bytes, digest: digestBytes(bytes, 'sha512') };
    await client.expectCreated(await client.put(await client.begin('app'), blob.digest, blob.bytes), blob);
  });

  for (const [how, send] of [
    [
      'a PUT with all bytes',
      async (client: Client, wrong: Blob) => client.put(await client.begin('app'), wrong.digest, wrong.bytes),
    ],
    [
      'a PUT after a stream',
      async (client: Client, wrong: Blob) => {
        const patched = await client.patch(await client.begin('app'), inPieces(wrong.bytes));
        return await client.put(client.locationOf(patched), wrong.digest);
      },
    ],
  ] as const) {
    rule(`a wrong digest is refused: ${how}`, async (client) => {
      const wrong = { bytes: someBlob().bytes, digest: someBlob().digest };
      expectCode(await send(client, wrong), 400, 'DIGEST_INVALID');
      expect((await client.send(`/v2/app/blobs/${wrong.digest}`, { method: 'HEAD' })).status).toBe(404);
    });
  }

  rule('a text that is no digest is refused', async (client) => {
    const put = await client.put(await client.begin('app'), 'sha256:baddigeststring' as Digest, someBlob().bytes);
    expectCode(put, 400, 'DIGEST_INVALID');
  });

  rule('a session that does not exist is 404', async (client) => {
    const location = `${client.url}/v2/app/blobs/uploads/00000000-0000-4000-8000-000000000000`;
    expect((await client.send(location)).status).toBe(404);
  });

  rule('a session can be cancelled', async (client) => {
    const location = await client.begin('app');
    expect((await client.send(location, { method: 'DELETE' })).status).toBe(204);
    expect((await client.send(location)).status).toBe(404);
  });

  rule('a name against the grammar is refused', async (client) => {
    const posted = await client.send('/v2/App_/blobs/uploads/', { method: 'POST' });
    expect([400, 404]).toContain(posted.status);
  });
}

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks */
export function chunkCases(rule: Rule): void {
  const blob = someBlob(30_000);

  rule('chunks are taken in order', async (client) => {
    let location = await client.begin('app');
    for (const [from, to] of [
      [0, 10_000],
      [10_000, 20_000],
      [20_000, 30_000],
    ] as const) {
      const patched = await client.chunk(location, blob.bytes, from, to);
      expect([patched.status, patched.header('range')]).toEqual([202, `0-${to - 1}`]);
      location = client.locationOf(patched);
    }
    await client.expectCreated(await client.put(location, blob.digest), blob);
  });

  rule('the last chunk may come with the PUT', async (client) => {
    const patched = await client.chunk(await client.begin('app'), blob.bytes, 0, 20_000);
    const put = await client.put(client.locationOf(patched), blob.digest, blob.bytes.subarray(20_000), {
      'content-range': '20000-29999',
    });
    await client.expectCreated(put, blob);
  });

  rule('a chunk out of order is 416, and the session goes on from where it was', async (client) => {
    const first = await client.chunk(await client.begin('app'), blob.bytes, 0, 10_000);
    let location = client.locationOf(first);
    expect((await client.chunk(location, blob.bytes, 20_000, 30_000)).status).toBe(416);
    expect((await client.chunk(location, blob.bytes, 0, 10_000)).status).toBe(416);
    const status = await client.send(location);
    expect([status.status, status.header('range')]).toEqual([204, '0-9999']);
    location = client.locationOf(status);
    const rest = await client.chunk(location, blob.bytes, 10_000, 30_000);
    await client.expectCreated(await client.put(client.locationOf(rest), blob.digest), blob);
  });

  rule('the first chunk must begin at 0', async (client) => {
    expect((await client.chunk(await client.begin('app'), blob.bytes, 1, 10_000)).status).toBe(416);
  });

  rule('a status names the Location and what was received', async (client) => {
    const patched = await client.chunk(await client.begin('app'), blob.bytes, 0, 12_345);
    const status = await client.send(client.locationOf(patched));
    expect([status.status, status.header('range')]).toEqual([204, '0-12344']);
    const rest = await client.chunk(client.locationOf(status), blob.bytes, 12_345, 30_000);
    await client.expectCreated(await client.put(client.locationOf(rest), blob.digest), blob);
  });
}

/**
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
 */
export function mountCases(rule: Rule, anonymousMount: boolean): void {
  rule('a blob is mounted from another repository', async (client) => {
    const blob = await client.pushBlob('source');
    const query = new URLSearchParams({ from: 'source', mount: blob.digest });
    const mounted = await client.send(`/v2/target/blobs/uploads/?${query}`, { method: 'POST' });
    await client.expectCreated(mounted, blob);
  });

  rule('a mount of what is not there begins a session', async (client) => {
    const blob = someBlob();
    const query = new URLSearchParams({ from: 'source', mount: blob.digest });
    const posted = await client.send(`/v2/target/blobs/uploads/?${query}`, { method: 'POST' });
    expect(posted.status).toBe(202);
    await client.expectCreated(await client.put(client.locationOf(posted), blob.digest, blob.bytes), blob);
  });

  rule('a mount without `from` mounts or begins a session', async (client) => {
    const blob = await client.pushBlob('source');
    const posted = await client.send(`/v2/target/blobs/uploads/?mount=${blob.digest}`, { method: 'POST' });
    expect(posted.status).toBe(anonymousMount ? 201 : 202);
    const done = anonymousMount ? posted : await client.put(client.locationOf(posted), blob.digest, blob.bytes);
    await client.expectCreated(done, blob);
  });
}
