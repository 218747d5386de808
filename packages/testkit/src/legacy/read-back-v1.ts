import { createHash } from 'node:crypto';
import { type Digest, decompress, detectCompression, digestBytes } from '@slipway/digest';
import { tarSum } from '@slipway/digest/tarsum';
import { TestkitError } from '../errors.ts';
import { exchange } from '../http-request.ts';

/** An image that was read from a v1 registry and is what its checksums say. */
export interface ReadBackV1Image {
  readonly id: string;
  readonly parent: string | undefined;
  readonly json: Uint8Array;
  /** Digest of the plain tar. */
  readonly diffID: Digest;
  /** `sha256:…` over json, line break and layer, as it must have been announced. */
  readonly payload: string;
}

/**
 * Pulls a tag from a v1 registry as Docker did, from the top image down its parents, and verifies ids and TarSums.
 *
 * @returns base first
 * @throws {TestkitError} ERR_TESTKIT_INCONSISTENT, ERR_TESTKIT_UNEXPECTED
 */
export async function readBackV1(url: string, repository: string, tag: string): Promise<readonly ReadBackV1Image[]> {
  const images: ReadBackV1Image[] = [];
  let id = JSON.parse(new TextDecoder().decode(await get(`${url}/v1/repositories/${repository}/tags/${tag}`))) as
    | string
    | undefined;
  const seen = new Set<string>();
  while (id !== undefined) {
    if (seen.has(id)) throw new TestkitError('ERR_TESTKIT_INCONSISTENT', `Expected a chain, got a circle at ${id}`);
    seen.add(id);
    const image = await readImage(url, id);
    images.unshift(image);
    id = image.parent;
  }
  return images;
}

async function readImage(url: string, id: string): Promise<ReadBackV1Image> {
  const json = await get(`${url}/v1/images/${id}/json`);
  const document = JSON.parse(new TextDecoder().decode(json)) as { readonly id?: string; readonly parent?: string };
  if (document.id !== id)
    throw new TestkitError('ERR_TESTKIT_INCONSISTENT', `Expected the id ${id}, got ${document.id}`);
  const answer = await exchange(`${url}/v1/images/${id}/layer`);
  const layer = answer.body;
  const plain = await collect(decompress(one(layer), detectCompression(layer)));
  const sum = await tarSum(one(plain), '0', { extra: json });
  const announced = answer.header('x-docker-checksum');
  if (announced !== sum)
    throw new TestkitError('ERR_TESTKIT_INCONSISTENT', `Expected ${id} to have ${announced}, got ${sum}`);
  const payload = `sha256:${createHash('sha256').update(json).update('\n').update(layer).digest('hex')}`;
  return { id, parent: document.parent, json, diffID: digestBytes(plain), payload };
}

async function get(url: string): Promise<Uint8Array> {
  const { status, body } = await exchange(url);
  if (status !== 200) throw new TestkitError('ERR_TESTKIT_UNEXPECTED', `GET ${url} answered ${status}`);
  return body;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
