/**
 * What every registry must do, as the conformance cases of the OCI distribution spec, v1.1.1.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto';
import { type Digest, digestBytes } from '@slipway/digest';
import { type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { type Answer, exchange, type RequestOptions } from './http-request.ts';

/** A registry to try. It is opened for each case anew. */
export interface RegistryUnderTest extends AsyncDisposable {
  /** With the scheme, without a slash at its end: `http://127.0.0.1:5000`. */
  readonly url: string;
}

export interface ConformanceOptions {
  /** Cases the registry is known to fail, by name, with the reason. They are run, and must fail: the list stays true. */
  readonly differences?: Readonly<Record<string, string>> | undefined;
  /** Whether the registry mounts without `from`. @default false */
  readonly anonymousMount?: boolean | undefined;
}

/** Runs every case against a registry: pull, push, content discovery, content management. */
export function distributionConformanceSuite(
  name: string,
  open: () => Promise<RegistryUnderTest>,
  { differences = {}, anonymousMount = false }: ConformanceOptions = {},
): void {
  function rule(text: string, run: (client: Client) => Promise<void>): void {
    const reason = differences[text];
    const define = reason === undefined ? test : test.fails;
    define(reason === undefined ? text : `${text} (not here: ${reason})`, async () => {
      await using registry = await open();
      await run(new Client(registry.url));
    });
  }

  describe(`${name} conforms to the distribution spec`, () => {
    describe('pull', () => pullCases(rule));
    describe('push', () => {
      blobCases(rule);
      chunkCases(rule);
      mountCases(rule, anonymousMount);
      manifestCases(rule);
    });
    describe('content discovery', () => discoveryCases(rule));
    describe('content management', () => managementCases(rule));
  });
}

type Rule = (text: string, run: (client: Client) => Promise<void>) => void;

function pullCases(rule: Rule): void {
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

function blobCases(rule: Rule): void {
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

function chunkCases(rule: Rule): void {
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

function mountCases(rule: Rule, anonymousMount: boolean): void {
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

function manifestCases(rule: Rule): void {
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

function discoveryCases(rule: Rule): void {
  rule('tags are listed in order', async (client) => {
    const tags = ['h', 'b', 'a', 'g', 'd', 'c', 'f', 'e'];
    const { bytes } = await client.pushImage('app', 'z');
    for (const tag of tags) expect((await client.putManifest('app', tag, bytes)).status).toBe(201);
    const listed = await client.send('/v2/app/tags/list');
    expect([listed.status, json(listed)]).toEqual([200, { name: 'app', tags: [...tags.sort(), 'z'] }]);
  });

  rule('tags are listed a page at a time', async (client) => {
    for (const tag of ['a', 'b', 'c']) await client.pushImage('app', tag);
    const first = await client.send('/v2/app/tags/list?n=2');
    expect(json(first)).toEqual({ name: 'app', tags: ['a', 'b'] });
    const next = /^<([^>]+)>; rel="next"$/.exec(first.header('link') ?? '')?.[1];
    expect(next).toBeDefined();
    const second = await client.send(new URL(next ?? '', client.url).href);
    expect([json(second), second.header('link')]).toEqual([{ name: 'app', tags: ['c'] }, undefined]);
  });

  rule('`last` leaves out what comes before, `n=0` leaves out everything', async (client) => {
    for (const tag of ['a', 'b', 'c']) await client.pushImage('app', tag);
    expect(json(await client.send('/v2/app/tags/list?last=b&n=5'))).toEqual({ name: 'app', tags: ['c'] });
    const none = json(await client.send('/v2/app/tags/list?n=0')) as { tags: string[] | null };
    expect(none.tags ?? []).toEqual([]);
  });

  rule('tags of an unknown repository are 404', async (client) => {
    expectCode(await client.send('/v2/unknown/tags/list'), 404, 'NAME_UNKNOWN');
  });

  rule('referrers of nothing are an empty index', async (client) => {
    const listed = await client.send(`/v2/app/referrers/${someBlob().digest}`);
    expect([listed.status, listed.header('content-type')]).toEqual([200, mediaTypes.ociIndex]);
    expect(json(listed)).toMatchObject({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
  });

  rule('referrers are listed, and filtered by artifactType', async (client) => {
    const subject = await client.pushImage('app', 'v1');
    const one = await client.pushArtifact('app', 'application/vnd.example.one', subject);
    const two = await client.pushArtifact('app', 'application/vnd.example.two', subject);
    const all = json(await client.send(`/v2/app/referrers/${subject.digest}`)) as { manifests: Descriptor[] };
    expect(all.manifests.map(({ digest }) => digest).sort()).toEqual([one.digest, two.digest].sort());
    const query = new URLSearchParams({ artifactType: 'application/vnd.example.two' });
    const filtered = await client.send(`/v2/app/referrers/${subject.digest}?${query}`);
    expect(filtered.header('oci-filters-applied')).toBe('artifactType');
    expect(json(filtered)).toMatchObject({
      manifests: [
        {
          digest: two.digest,
          mediaType: mediaTypes.ociManifest,
          size: two.bytes.byteLength,
          artifactType: 'application/vnd.example.two',
          annotations: { 'org.example.name': 'application/vnd.example.two' },
        },
      ],
    });
  });

  rule('a subject may come after its referrers', async (client) => {
    const absent = { digest: someBlob().digest, bytes: new Uint8Array(123) };
    const { digest } = await client.pushArtifact('app', 'application/vnd.example.one', absent);
    const listed = json(await client.send(`/v2/app/referrers/${absent.digest}`));
    expect(listed).toMatchObject({ manifests: [{ digest }] });
  });
}

function managementCases(rule: Rule): void {
  rule('a tag is deleted, its manifest stays', async (client) => {
    const { digest } = await client.pushImage('app', 'v1');
    expect((await client.send('/v2/app/manifests/v1', { method: 'DELETE' })).status).toBe(202);
    expect((await client.send('/v2/app/manifests/v1')).status).toBe(404);
    expect((await client.send(`/v2/app/manifests/${digest}`, asManifest)).status).toBe(200);
  });

  rule('a manifest is deleted, with its tags', async (client) => {
    const { digest } = await client.pushImage('app', 'v1');
    expect((await client.send(`/v2/app/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
    expect((await client.send(`/v2/app/manifests/${digest}`)).status).toBe(404);
    expect((await client.send('/v2/app/manifests/v1')).status).toBe(404);
    const listed = json(await client.send('/v2/app/tags/list')) as { tags: string[] | null };
    expect(listed.tags ?? []).toEqual([]);
  });

  rule('a blob is deleted', async (client) => {
    const { digest } = await client.pushBlob('app');
    expect((await client.send(`/v2/app/blobs/${digest}`, { method: 'DELETE' })).status).toBe(202);
    expect((await client.send(`/v2/app/blobs/${digest}`)).status).toBe(404);
    expect((await client.send(`/v2/app/blobs/${digest}`, { method: 'DELETE' })).status).toBe(404);
  });
}

interface Blob {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** Registries may answer 404 to who does not name the manifest's type. */
const asManifest = { headers: { accept: mediaTypes.ociManifest } };

const octetStream = { 'content-type': 'application/octet-stream' };

/** The requests that the cases are made of. */
class Client {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  send(pathOrUrl: string, options?: RequestOptions): Promise<Answer> {
    return exchange(new URL(pathOrUrl, this.url), options);
  }

  locationOf(answer: Answer): string {
    const location = answer.header('location');
    expect(location, `Location of ${answer.status} ${text(answer)}`).toBeDefined();
    return new URL(location ?? '', this.url).href;
  }

  async begin(repository: string): Promise<string> {
    const posted = await this.send(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    expect(posted.status).toBe(202);
    return this.locationOf(posted);
  }

  patch(location: string, body: AsyncIterable<Uint8Array>): Promise<Answer> {
    return this.send(location, { method: 'PATCH', body, headers: octetStream });
  }

  chunk(location: string, bytes: Uint8Array, from: number, to: number): Promise<Answer> {
    const headers = { ...octetStream, 'content-range': `${from}-${to - 1}` };
    return this.send(location, { method: 'PATCH', body: bytes.subarray(from, to), headers });
  }

  put(location: string, digest: Digest, body?: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    const url = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
    return this.send(url, { method: 'PUT', body, headers: { ...octetStream, ...headers } });
  }

  async expectCreated(answer: Answer, { bytes, digest }: Blob): Promise<void> {
    expect([answer.status, text(answer)]).toEqual([201, '']);
    const got = await this.send(this.locationOf(answer));
    expect([got.status, Buffer.compare(got.body, bytes)]).toEqual([200, 0]);
    expect(answer.header('docker-content-digest') ?? digest).toBe(digest);
  }

  async pushBlob(repository: string, blob: Blob = someBlob()): Promise<Blob> {
    const put = await this.put(await this.begin(repository), blob.digest, blob.bytes);
    expect(put.status).toBe(201);
    return blob;
  }

  putManifest(
    repository: string,
    tagOrDigest: string,
    bytes: Uint8Array,
    mediaType: string = mediaTypes.ociManifest,
  ): Promise<Answer> {
    const headers = { 'content-type': mediaType };
    return this.send(`/v2/${repository}/manifests/${tagOrDigest}`, { method: 'PUT', body: bytes, headers });
  }

  async pushImage(repository: string, tag: string, annotations?: Record<string, string>): Promise<Blob> {
    const config = descriptorOf(mediaTypes.ociConfig, await this.pushBlob(repository));
    const layer = descriptorOf(mediaTypes.ociLayer, await this.pushBlob(repository));
    const bytes = imageManifest(config, [layer], annotations && { annotations });
    expect((await this.putManifest(repository, tag, bytes)).status).toBe(201);
    return { bytes, digest: digestBytes(bytes) };
  }

  async pushArtifact(
    repository: string,
    artifactType: string,
    subject: Blob,
  ): Promise<Blob & { readonly put: Answer }> {
    await this.pushBlob(repository, { bytes: encode({}), digest: emptyDescriptor.digest });
    const bytes = imageManifest(emptyDescriptor, [emptyDescriptor], {
      artifactType,
      subject: { mediaType: mediaTypes.ociManifest, digest: subject.digest, size: subject.bytes.byteLength },
      annotations: { 'org.example.name': artifactType },
    });
    const digest = digestBytes(bytes);
    return { bytes, digest, put: await this.putManifest(repository, digest, bytes) };
  }
}

function someBlob(size = 1000): Blob {
  const bytes = new Uint8Array(randomBytes(size));
  return { bytes, digest: digestBytes(bytes) };
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

function descriptorOf(mediaType: string, { bytes, digest }: Blob): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

function imageManifest(config: Descriptor, layers: readonly Descriptor[], more: object = {}): Uint8Array {
  return encode({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers, ...more });
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function text({ body }: Answer): string {
  return new TextDecoder().decode(body);
}

function json(answer: Answer): unknown {
  return JSON.parse(text(answer));
}

function codesOf(answer: Answer): string[] {
  return (json(answer) as { errors: { code: string }[] }).errors.map(({ code }) => code);
}

function expectCode(answer: Answer, status: number, code: string): void {
  expect([answer.status, codesOf(answer)]).toEqual([status, [code]]);
}
