import { expect, test } from 'vitest';
import { isAttestation, isForeign } from './descriptor.ts';
import {
  compressionOfMediaType,
  isImageConfigMediaType,
  isIndexMediaType,
  isLayerMediaType,
  isManifestMediaType,
  isMediaType,
  isNondistributableMediaType,
  isSchema1MediaType,
  layerMediaType,
  mediaTypes,
  toDockerMediaType,
  toOciMediaType,
} from './media-types.ts';

const layers = [
  // Docker, OCI, compression, non-distributable
  [mediaTypes.dockerLayer, mediaTypes.ociLayer, 'none', false],
  [mediaTypes.dockerLayerGzip, mediaTypes.ociLayerGzip, 'gzip', false],
  [mediaTypes.dockerLayerZstd, mediaTypes.ociLayerZstd, 'zstd', false],
  [mediaTypes.dockerForeignLayer, mediaTypes.ociNondistributableLayer, 'none', true],
  [mediaTypes.dockerForeignLayerGzip, mediaTypes.ociNondistributableLayerGzip, 'gzip', true],
  [mediaTypes.dockerForeignLayerZstd, mediaTypes.ociNondistributableLayerZstd, 'zstd', true],
] as const;

test.each(layers)('%s is %s', (docker, oci, compression, nondistributable) => {
  for (const mediaType of [docker, oci]) {
    expect(isLayerMediaType(mediaType)).toBe(true);
    expect(compressionOfMediaType(mediaType)).toBe(compression);
    expect(isNondistributableMediaType(mediaType)).toBe(nondistributable);
    expect(toOciMediaType(mediaType)).toBe(oci);
    expect(toDockerMediaType(mediaType)).toBe(docker);
  }
  expect(layerMediaType('docker', compression, { nondistributable })).toBe(docker);
  expect(layerMediaType('oci', compression, { nondistributable })).toBe(oci);
});

test('an ordinary layer is meant unless one says otherwise', () => {
  expect(layerMediaType('oci', 'zstd')).toBe(mediaTypes.ociLayerZstd);
});

test.each([
  [mediaTypes.dockerManifest, mediaTypes.ociManifest],
  [mediaTypes.dockerManifestList, mediaTypes.ociIndex],
  [mediaTypes.dockerConfig, mediaTypes.ociConfig],
])('%s is %s', (docker, oci) => {
  expect([toOciMediaType(docker), toOciMediaType(oci)]).toEqual([oci, oci]);
  expect([toDockerMediaType(docker), toDockerMediaType(oci)]).toEqual([docker, docker]);
});

test.each([[mediaTypes.dockerPluginConfig], [mediaTypes.ociEmpty], [mediaTypes.inTotoStatement], ['text/html'], ['']])(
  '%s has no counterpart and is no layer',
  (mediaType) => {
    expect(toOciMediaType(mediaType)).toBeUndefined();
    expect(toDockerMediaType(mediaType)).toBeUndefined();
    expect(isLayerMediaType(mediaType)).toBe(false);
    expect(isNondistributableMediaType(mediaType)).toBe(false);
  },
);

test('a layer of schema 1 is a gzip layer', () => {
  expect(compressionOfMediaType(mediaTypes.schema1Layer)).toBe('gzip');
  expect(toOciMediaType(mediaTypes.schema1Layer)).toBe(mediaTypes.ociLayerGzip);
  expect(toDockerMediaType(mediaTypes.schema1Layer)).toBe(mediaTypes.dockerLayerGzip);
});

test.each([
  [`${mediaTypes.ociLayer}+xz`, 'xz'],
  [`${mediaTypes.ociNondistributableLayer}+bzip2`, 'bzip2'],
  [`${mediaTypes.dockerLayer}.xz`, 'xz'],
  [`${mediaTypes.ociLayerGzip}+xz`, undefined],
  ['application/x-tar+xz', undefined],
])('%s, which no specification names, is %s', (mediaType, compression) => {
  expect(compressionOfMediaType(mediaType)).toBe(compression);
});

test('an encrypted layer is compressed nobody knows how', () => {
  expect(compressionOfMediaType(`${mediaTypes.ociLayerGzip}+encrypted`)).toBeUndefined();
});

test.each([
  // media type, manifest, index, schema 1, image config
  [mediaTypes.dockerManifest, true, false, false, false],
  [mediaTypes.ociManifest, true, false, false, false],
  [mediaTypes.ociArtifactManifest, true, false, false, false],
  [mediaTypes.schema1Manifest, true, false, true, false],
  [mediaTypes.schema1SignedManifest, true, false, true, false],
  [mediaTypes.dockerManifestList, false, true, false, false],
  [mediaTypes.ociIndex, false, true, false, false],
  [mediaTypes.dockerConfig, false, false, false, true],
  [mediaTypes.ociConfig, false, false, false, true],
  [mediaTypes.dockerPluginConfig, false, false, false, false],
  [mediaTypes.ociLayer, false, false, false, false],
])('%s is known for what it is', (mediaType, manifest, index, schema1, config) => {
  expect(isManifestMediaType(mediaType)).toBe(manifest);
  expect(isIndexMediaType(mediaType)).toBe(index);
  expect(isSchema1MediaType(mediaType)).toBe(schema1);
  expect(isImageConfigMediaType(mediaType)).toBe(config);
});

test('an attestation says so in its annotations', () => {
  const entry = { mediaType: mediaTypes.ociManifest, digest: `sha256:${'ab'.repeat(32)}`, size: 1 } as Parameters<
    typeof isAttestation
  >[0];
  expect(isAttestation(entry)).toBe(false);
  expect(isAttestation({ ...entry, annotations: { 'vnd.docker.reference.type': 'other' } })).toBe(false);
  expect(isAttestation({ ...entry, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } })).toBe(true);
});

test.each([
  [undefined, false],
  [[], false],
  [['https://example.com/layer'], true],
  [['', 'https://example.com/layer'], true],
  [[''], false],
  [[' ', 'layer.tar'], false],
])('a layer with the urls %j is foreign: %s', (urls, expected) => {
  expect(isForeign({ urls })).toBe(expected);
});

test.each([
  ['text/plain', true],
  ['application/vnd.oci.image.layer.v1.tar+gzip', true],
  ['a/b', true],
  [`a/${'b'.repeat(127)}`, true],
  [`a/${'b'.repeat(128)}`, false],
  ['', false],
  ['text', false],
  ['/plain', false],
  ['text/', false],
  ['text/plain; charset=utf-8', false],
  ['text/plain/x', false],
  ['.text/plain', false],
  ['text/pläin', false],
  ['text/plain\n', false],
])('%j is a media type: %s', (text, expected) => {
  expect(isMediaType(text)).toBe(expected);
});
