import { digestBytes } from '@slipway/digest';
import { InvalidManifestError } from '../errors.ts';
import { encodeGoJSON } from '../go-json.ts';
import type { UnsignedManifest } from './schema1-manifest.ts';

/** One image of a chain, as the first v2 registries knew it. */
export interface GraphManifestLayer {
  /** `tarsum.v1+sha256:…`, or a digest. */
  readonly checksum: string;
  /** The image's `json` file to the byte. */
  readonly json: Uint8Array;
}

/** What a manifest as docker of 2015 made them is about. */
export interface GraphManifestOptions {
  /** The repository's path, without its domain. */
  readonly name: string;
  readonly tag: string;
  readonly architecture: string;
  /** Top first. */
  readonly layers: readonly GraphManifestLayer[];
}

/**
 * Makes a manifest as Docker 1.5 and 1.6 did: `schemaVersion` last, checksums of any kind.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when there are no layers.
 * @see https://github.com/moby/moby/blob/d172f1253a/graph/push.go
 */
export function buildGraphManifest({ name, tag, architecture, layers }: GraphManifestOptions): UnsignedManifest {
  if (layers.length === 0) throw new InvalidManifestError('manifest', '', 'no FSLayers in manifest');
  const decoder = new TextDecoder();
  const document = {
    name,
    tag,
    architecture,
    fsLayers: layers.map(({ checksum }) => ({ blobSum: checksum })),
    history: layers.map(({ json }) => ({ v1Compatibility: decoder.decode(json) })),
    schemaVersion: 1,
  };
  const bytes = new TextEncoder().encode(encodeGoJSON(document, { indent: '   ' }));
  return { bytes, digest: digestBytes(bytes), size: bytes.byteLength, usesEmptyLayer: false };
}
