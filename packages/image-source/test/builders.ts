import { gzipSync } from 'node:zlib';
import { type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { blobOf, describe as described, type HandmadeBlob, indexOf } from './handmade-image.ts';
import { type HandmadeMember, tarOf } from './handmade-tar.ts';

/** The image that every builder writes here: of three layers, of which the last is the first again. */
const plain = ['base', 'app', 'base'].map((name) => tarOf({ name: `${name}.txt`, data: name }));

export const image: { readonly diffIDs: readonly Digest[]; readonly config: HandmadeBlob } = {
  diffIDs: plain.map((layer) => digestBytes(layer)),
  config: blobOf({
    created: '2026-01-01T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/app'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: plain.map((layer) => digestBytes(layer)) },
    history: plain.map((_, at) => ({ created_by: `step ${at}` })),
  }),
};

const hex = (digest: Digest): string => digest.slice('sha256:'.length);
/** A random-looking ID of docker's first years. */
const oldID = (at: number): string => String(at + 1).repeat(64);

interface ArchiveStyle {
  /** What the config is called, by its hex digits. */
  readonly config: (hex: string) => string;
  /** What a layer is called, by the hex digits of its bytes and its place. */
  readonly layer: (hex: string, at: number) => string;
  readonly gzip?: boolean;
  /** A layer that is there before is a link to it; otherwise its name is the same. */
  readonly links?: boolean;
  /** Written before the image, and behind it. */
  readonly before?: readonly HandmadeMember[];
  readonly behind?: readonly HandmadeMember[];
  /** The list of images, as this builder words it. */
  readonly list?: (entry: Readonly<Record<'Config' | 'RepoTags' | 'Layers', unknown>>) => unknown;
}

/** The members of an archive that has a `manifest.json`. */
export function archiveOf(style: ArchiveStyle): readonly HandmadeMember[] {
  const { list = (entry) => entry } = style;
  const names = new Map<string, string>();
  const members: HandmadeMember[] = [{ name: style.config(hex(image.config.digest)), data: image.config.bytes }];
  const layers = plain.map((layer, at) => {
    const data = style.gzip === true ? gzipSync(layer) : layer;
    const name = style.layer(hex(digestBytes(data)), at);
    const earlier = names.get(hex(digestBytes(data)));
    names.set(hex(digestBytes(data)), earlier ?? name);
    if (earlier === undefined) members.push({ name, data });
    else if (style.links === true) members.push({ name, type: '2', link: `../${earlier}` });
    else if (earlier !== name) members.push({ name, data });
    return name;
  });
  const entry = { Config: style.config(hex(image.config.digest)), RepoTags: ['me/app:v1'], Layers: layers };
  const manifest = { name: 'manifest.json', data: JSON.stringify([list(entry)]) };
  return [...(style.before ?? []), ...members, manifest, ...(style.behind ?? [])];
}

/** The folders with ID, version and old config that docker wrote beside each layer until 24. */
export const oldFolders: readonly HandmadeMember[] = plain.flatMap((_, at) => [
  { name: `${oldID(at)}/`, type: '5' },
  { name: `${oldID(at)}/VERSION`, data: '1.0' },
  { name: `${oldID(at)}/json`, data: JSON.stringify({ id: oldID(at), ...(at > 0 && { parent: oldID(at - 1) }) }) },
]);

export const repositories: HandmadeMember = {
  name: 'repositories',
  data: JSON.stringify({ 'me/app': { v1: oldID(plain.length - 1) } }),
};

/** The members of an archive of before 1.10: no config of the whole, and no `manifest.json`. */
export function chainArchive(): readonly HandmadeMember[] {
  const json = (at: number): string =>
    JSON.stringify({
      id: oldID(at),
      ...(at > 0 && { parent: oldID(at - 1) }),
      created: '2015-01-01T00:00:00Z',
      os: 'linux',
      architecture: 'amd64',
    });
  const folders = plain.flatMap((layer, at) => [
    { name: `${oldID(at)}/json`, data: json(at) },
    { name: `${oldID(at)}/layer.tar`, data: layer },
  ]);
  return [...folders, repositories];
}

export interface DocumentStyle {
  /** @default oci */
  readonly family?: 'docker' | 'oci';
  /** @default gzip */
  readonly layers?: 'none' | 'gzip';
  /** Within an index: alone, with an attestation, or beside a platform whose blobs are missing. @default in none */
  readonly index?: 'alone' | 'attested' | 'sparse';
  /** What the entry of `index.json`, or of the index within, says. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether the index is that of the layout itself. */
  readonly isFlat?: boolean;
}

/** What a builder writes where documents and blobs lie by their digests. */
export interface Documents {
  readonly entries: readonly object[];
  readonly blobs: readonly HandmadeBlob[];
}

export function documentsOf(style: DocumentStyle): Documents {
  const isDocker = style.family === 'docker';
  const isPlain = style.layers === 'none';
  const layers = plain.map((layer) => blobOf(isPlain ? layer : gzipSync(layer)));
  const dockerType = isPlain ? mediaTypes.dockerLayer : mediaTypes.dockerLayerGzip;
  const layerType = isDocker ? dockerType : isPlain ? mediaTypes.ociLayer : mediaTypes.ociLayerGzip;
  const manifestType = isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const manifest = blobOf({
    schemaVersion: 2,
    mediaType: manifestType,
    config: described(image.config, isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig),
    layers: layers.map((layer) => described(layer, layerType)),
  });
  const blobs = [image.config, ...layers, manifest];
  const { annotations } = style;
  const about = annotations === undefined ? {} : { annotations };
  if (style.index === undefined) return { entries: [described(manifest, manifestType, about)], blobs };
  const platform = { architecture: 'amd64', os: 'linux' };
  const own = described(manifest, manifestType, { platform, ...(style.isFlat === true ? about : {}) });
  const statement = blobOf({ _type: 'https://in-toto.io/Statement/v0.1' });
  const empty = blobOf({ architecture: 'unknown', os: 'unknown', rootfs: { type: 'layers', diff_ids: [] } });
  const attestation = blobOf({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: described(empty, mediaTypes.ociConfig),
    layers: [described(statement, mediaTypes.inTotoStatement)],
  });
  const absent = blobOf('the manifest of a platform that was not pulled');
  const beside = {
    alone: [],
    sparse: [described(absent, manifestType, { platform: { architecture: 'arm64', os: 'linux' } })],
    attested: [
      described(attestation, mediaTypes.ociManifest, {
        platform: { architecture: 'unknown', os: 'unknown' },
        annotations: {
          'vnd.docker.reference.digest': manifest.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
      }),
    ],
  }[style.index];
  if (style.index === 'attested') blobs.push(statement, empty, attestation);
  if (style.isFlat === true) return { entries: [own, ...beside], blobs };
  const indexType = isDocker ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
  const index = blobOf({ ...indexOf(own, ...beside), mediaType: indexType });
  return { entries: [described(index, indexType, about)], blobs: [...blobs, index] };
}

/** The members of an OCI layout, to be packed or written into a folder. */
export function layoutOf(style: DocumentStyle): readonly HandmadeMember[] {
  const { entries, blobs } = documentsOf(style);
  return [
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: JSON.stringify(indexOf(...entries)) },
    ...blobs.map(({ digest, bytes }) => ({ name: `blobs/sha256/${hex(digest)}`, data: bytes })),
  ];
}

/** A folder as skopeo's `dir:` has it: blobs by their hex digits, the manifest by its name. */
export function dirOf(style: DocumentStyle): readonly HandmadeMember[] {
  const { blobs } = documentsOf(style);
  const manifest = blobs.at(-1);
  return [
    { name: 'version', data: 'Directory Transport Version: 1.1\n' },
    { name: 'manifest.json', data: manifest?.bytes ?? '' },
    ...blobs.slice(0, -1).map(({ digest, bytes }) => ({ name: hex(digest), data: bytes })),
  ];
}

/** The members of a schema 1 image in a registry, and its blobs. */
export function schema1Documents(): { readonly manifest: HandmadeBlob; readonly blobs: readonly HandmadeBlob[] } {
  const blobs = plain.map((layer) => blobOf(gzipSync(layer)));
  const steps = plain.map((_, at) => ({
    id: oldID(at),
    ...(at > 0 && { parent: oldID(at - 1) }),
    created: '2015-01-01T00:00:00Z',
    os: 'linux',
    architecture: 'amd64',
  }));
  const manifest = blobOf({
    schemaVersion: 1,
    name: 'me/app',
    tag: 'v1',
    architecture: 'amd64',
    fsLayers: blobs.toReversed().map(({ digest }) => ({ blobSum: digest })),
    history: steps.toReversed().map((step) => ({ v1Compatibility: JSON.stringify(step) })),
  });
  return { manifest, blobs };
}
