import { type Digest, decompress, detectCompression, digestBytes, digestStream } from '@slipway/digest';
import { tarSum } from '@slipway/digest/tarsum';
import { mediaTypes } from '@slipway/manifest';
import { type TrustPublicKey, verifyJSON } from '@slipway/manifest/schema1';
import { TestkitError } from '../errors.ts';
import { exchange } from '../http-request.ts';

/** One step of a schema 1 manifest, its blob read and verified. */
export interface ReadBackSchema1Layer {
  readonly blobSum: string;
  /** Digest of the plain tar. */
  readonly diffID: Digest;
  readonly v1Compatibility: string;
}

/** A signed manifest that was read and holds. */
export interface ReadBackSchema1 {
  /** The signed bytes as the registry gave them. */
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  /** Of the payload. */
  readonly digest: Digest;
  readonly name: string;
  readonly tag: string;
  readonly keys: readonly TrustPublicKey[];
  /** Newest first, as the manifest lists them. */
  readonly layers: readonly ReadBackSchema1Layer[];
}

/**
 * Pulls a signed manifest and all its blobs, and verifies signatures, blob sums of either kind, and the chain of v1
 * ids.
 *
 * @throws {TestkitError} ERR_TESTKIT_INCONSISTENT, ERR_TESTKIT_UNEXPECTED
 */
export async function readBackSchema1(url: string, repository: string, tag: string): Promise<ReadBackSchema1> {
  const accept = mediaTypes.schema1SignedManifest;
  const bytes = await get(`${url}/v2/${repository}/manifests/${tag}`, { accept });
  const { payload, digest, keys } = await verifyJSON(bytes);
  const manifest = JSON.parse(new TextDecoder().decode(payload)) as {
    readonly name: string;
    readonly tag: string;
    readonly fsLayers: readonly { readonly blobSum: string }[];
    readonly history: readonly { readonly v1Compatibility: string }[];
  };
  if (manifest.fsLayers.length !== manifest.history.length)
    throw inconsistent('as many layers as steps', 'other numbers');
  const layers: ReadBackSchema1Layer[] = [];
  for (const [at, { blobSum }] of manifest.fsLayers.entries()) {
    const { v1Compatibility } = manifest.history[at]!;
    const below = manifest.history[at + 1]?.v1Compatibility;
    const parent = idsOf(v1Compatibility).parent;
    if (parent !== (below && idsOf(below).id)) throw inconsistent(`${below && idsOf(below).id} below`, String(parent));
    const blob = await get(`${url}/v2/${repository}/blobs/${blobSum}`, {});
    const actual = blobSum.startsWith('tarsum.v1+') ? await tarSum(one(blob), '1') : digestBytes(blob);
    if (actual !== blobSum) throw inconsistent(blobSum, actual);
    const { digest: diffID } = await digestStream(decompress(one(blob), detectCompression(blob)));
    layers.push({ blobSum, diffID, v1Compatibility });
  }
  return { bytes, payload, digest, name: manifest.name, tag: manifest.tag, keys, layers };
}

function idsOf(v1Compatibility: string): { readonly id: string; readonly parent?: string } {
  return JSON.parse(v1Compatibility) as { readonly id: string; readonly parent?: string };
}

async function get(url: string, headers: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const { status, body } = await exchange(url, { headers });
  if (status !== 200) throw new TestkitError('ERR_TESTKIT_UNEXPECTED', `GET ${url} answered ${status}`);
  return body;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function inconsistent(expected: string, got: string): TestkitError {
  return new TestkitError('ERR_TESTKIT_INCONSISTENT', `Expected ${expected}, got ${got}`);
}
