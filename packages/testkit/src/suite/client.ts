import { randomBytes } from 'node:crypto';
import { type Digest, digestBytes } from '@slipway/digest';
import { type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { expect } from 'vitest';
import { type Answer, exchange, type RequestOptions } from '../http-request.ts';

/** Bytes, and the digest they are pushed under. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/** Registries may answer 404 to who does not name the manifest's type. */
export const asManifest: RequestOptions = { headers: { accept: mediaTypes.ociManifest } };

export const octetStream: Readonly<Record<string, string>> = { 'content-type': 'application/octet-stream' };

/** The requests that the cases are made of. */
export class Client {
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

export function someBlob(size = 1000): Blob {
  const bytes = new Uint8Array(randomBytes(size));
  return { bytes, digest: digestBytes(bytes) };
}

export async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

export function descriptorOf(mediaType: string, { bytes, digest }: Blob): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

export function imageManifest(config: Descriptor, layers: readonly Descriptor[], more: object = {}): Uint8Array {
  return encode({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers, ...more });
}

export function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function text({ body }: Answer): string {
  return new TextDecoder().decode(body);
}

export function json(answer: Answer): unknown {
  return JSON.parse(text(answer));
}

export function codesOf(answer: Answer): string[] {
  return (json(answer) as { errors: { code: string }[] }).errors.map(({ code }) => code);
}

export function expectCode(answer: Answer, status: number, code: string): void {
  expect([answer.status, codesOf(answer)]).toEqual([status, [code]]);
}
