import { type Digest, digestBytes } from '@slipway/digest';
import { type HandmadeMember, tarOf } from './handmade-tar.ts';

/** Parts of a docker archive with one image of one layer, to be spoiled one at a time. */
export interface DockerParts {
  readonly config: unknown;
  readonly manifest: unknown;
  readonly layer: Buffer;
  readonly diffID: Digest;
}

const layer = tarOf({ name: 'etc/motd', data: 'hello\n' });

/** A sound image. */
export const soundDocker: DockerParts = {
  layer,
  diffID: digestBytes(layer),
  config: { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digestBytes(layer)] } },
  manifest: [{ Config: 'c.json', RepoTags: ['app:v1'], Layers: ['l/layer.tar'] }],
};

/** The archive of these parts. Strings are put in as they are, all else as JSON. */
export function dockerArchiveOf(changes: Partial<DockerParts> = {}, ...more: readonly HandmadeMember[]): Buffer {
  const parts = { ...soundDocker, ...changes };
  return tarOf(
    { name: 'l/layer.tar', data: parts.layer },
    { name: 'c.json', data: textOf(parts.config) },
    { name: 'manifest.json', data: textOf(parts.manifest) },
    ...more,
  );
}

/** A blob of a layout made by hand. */
export interface HandmadeBlob {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly size: number;
}

/** The blob of some JSON or text. */
export function blobOf(value: unknown): HandmadeBlob {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(textOf(value));
  return { bytes, digest: digestBytes(bytes), size: bytes.byteLength };
}

/** A descriptor of a blob. */
export function describe({ digest, size }: HandmadeBlob, mediaType: string, more: object = {}): object {
  return { mediaType, digest, size, ...more };
}

/** Media types that tests write out over and over. */
export const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** An OCI index of descriptors. */
export function indexOf(...manifests: readonly object[]): object {
  return { schemaVersion: 2, mediaType: types.index, manifests };
}

/** An OCI archive; `index` is its index.json, as JSON or as text. */
export function ociArchiveOf(index: unknown, ...blobs: readonly HandmadeBlob[]): Buffer {
  return tarOf(
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: textOf(index) },
    ...blobs.map(({ bytes, digest }) => ({ name: `blobs/${digest.replace(':', '/')}`, data: bytes })),
  );
}

/** A sound image of one layer. */
export function soundOci(): Record<'layer' | 'config' | 'manifest', HandmadeBlob> {
  const layerBlob = blobOf(layer);
  const config = blobOf(soundDocker.config);
  const manifest = blobOf({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(config, types.config),
    layers: [describe(layerBlob, types.layer)],
  });
  return { layer: layerBlob, config, manifest };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
