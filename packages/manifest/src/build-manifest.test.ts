import { type Digest, digestBytes } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyDescriptor } from '../test/any-descriptor.ts';
import { buildDockerManifest, buildDockerManifestList, buildIndex, buildOciManifest } from './build-manifest.ts';
import { type Descriptor, emptyDescriptor } from './descriptor.ts';
import { mediaTypes } from './media-types.ts';
import { type DockerManifest, parseManifest } from './parse-manifest.ts';

const config: Descriptor = {
  mediaType: mediaTypes.dockerConfig,
  digest: 'sha256:1a9ec845ee94c202b2d5da74a24f0ed2058318bfa9879fa541efaecba272e86b' as Digest,
  size: 985,
};
const layer: Descriptor = {
  mediaType: mediaTypes.dockerLayerGzip,
  digest: 'sha256:62d8908bee94c202b2d35224a221aaa2058318bfa9879fa541efaecba272331b' as Digest,
  size: 153263,
};

describe('buildDockerManifest', () => {
  test('the sample of distribution comes out to the byte', () => {
    const built = buildDockerManifest({ config, layers: [layer] });
    expect(textOf(built)).toBe(`{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {
      "mediaType": "application/vnd.docker.container.image.v1+json",
      "size": 985,
      "digest": "sha256:1a9ec845ee94c202b2d5da74a24f0ed2058318bfa9879fa541efaecba272e86b"
   },
   "layers": [
      {
         "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
         "size": 153263,
         "digest": "sha256:62d8908bee94c202b2d35224a221aaa2058318bfa9879fa541efaecba272331b"
      }
   ]
}`);
    expect(built).toMatchObject({
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      size: 526,
      digest: 'sha256:2b090530fae7fb1e2b39bfcf995d2b4821c290ac2056be5ed152358f12c16dc5',
    });
  });

  test('no layers are an empty list', () => {
    expect(textOf(buildDockerManifest({ config, layers: [] }))).toMatch(/\n {3}"layers": \[\]\n\}$/);
  });

  test('what is empty is left out, a size of 0 included', () => {
    const bare = { ...layer, size: 0, urls: [], annotations: {} };
    expect(JSON.parse(textOf(buildDockerManifest({ config, layers: [bare] }))).layers).toEqual([
      { mediaType: layer.mediaType, digest: layer.digest },
    ]);
  });

  test('a foreign layer keeps its urls, keys stand in the order of distribution', () => {
    const foreign: Descriptor = {
      platform: {
        variant: 'v8',
        'os.features': ['win32k'],
        'os.version': '10.0',
        os: 'windows',
        architecture: 'arm64',
      },
      annotations: { b: '<', 10: 'x', 9: 'y', a: '' },
      urls: ['https://example.com/layer?a=1&b=2'],
      digest: layer.digest,
      size: 1,
      mediaType: mediaTypes.dockerForeignLayerGzip,
      data: 'e30=',
      artifactType: 'ignored',
    };
    expect(textOf(buildDockerManifest({ config, layers: [foreign] }))).toContain(
      `{
         "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
         "size": 1,
         "digest": "${layer.digest}",
         "urls": [
            "https://example.com/layer?a=1\\u0026b=2"
         ],
         "annotations": {
            "10": "x",
            "9": "y",
            "a": "",
            "b": "\\u003c"
         },
         "platform": {
            "architecture": "arm64",
            "os": "windows",
            "os.version": "10.0",
            "os.features": [
               "win32k"
            ],
            "variant": "v8"
         }
      }`,
    );
  });

  test.each<[string, Partial<Record<keyof Descriptor, unknown>>, string]>([
    ['no digest', { digest: undefined }, 'layers[0].digest'],
    ['a misspelt digest', { digest: 'sha256:beef' }, 'layers[0].digest'],
    ['a negative size', { size: -1 }, 'layers[0].size'],
    ['a fraction of a byte', { size: 1.5 }, 'layers[0].size'],
    ['more bytes than can be counted', { size: 2 ** 53 }, 'layers[0].size'],
    ['no media type', { mediaType: '' }, 'layers[0].mediaType'],
  ])('a layer with %s is refused', (_name, change, path) => {
    expect(() => buildDockerManifest({ config, layers: [{ ...layer, ...change } as Descriptor] })).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_INVALID', path }),
    );
  });
});

describe('buildDockerManifestList', () => {
  const entry = {
    ...config,
    mediaType: mediaTypes.dockerManifest,
    platform: { architecture: 'arm', os: 'linux', variant: 'v7' },
  };

  test('each manifest has its platform', () => {
    expect(textOf(buildDockerManifestList({ manifests: [entry] }))).toBe(`{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
         "size": 985,
         "digest": "${config.digest}",
         "platform": {
            "architecture": "arm",
            "os": "linux",
            "variant": "v7"
         }
      }
   ]
}`);
  });

  test('a manifest without a platform is refused', () => {
    expect(() => buildDockerManifestList({ manifests: [config] })).toThrow(
      expect.objectContaining({ path: 'manifests[0].platform' }),
    );
  });
});

describe('the OCI documents', () => {
  test('keys stand in the order of image-spec', () => {
    const built = buildOciManifest({
      annotations: { 'org.example.b': '2', 'org.example.a': '1' },
      subject: { ...config, mediaType: mediaTypes.ociManifest },
      artifactType: 'application/example',
      layers: [{ ...layer, mediaType: mediaTypes.ociLayerGzip, size: 0, annotations: { k: 'v' } }],
      config: emptyDescriptor,
    });
    expect(textOf(built)).toBe(`{
   "schemaVersion": 2,
   "mediaType": "application/vnd.oci.image.manifest.v1+json",
   "artifactType": "application/example",
   "config": {
      "mediaType": "application/vnd.oci.empty.v1+json",
      "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      "size": 2,
      "data": "e30="
   },
   "layers": [
      {
         "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
         "digest": "${layer.digest}",
         "size": 0,
         "annotations": {
            "k": "v"
         }
      }
   ],
   "subject": {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "${config.digest}",
      "size": 985
   },
   "annotations": {
      "org.example.a": "1",
      "org.example.b": "2"
   }
}`);
  });

  test('compact, they have neither spaces nor line breaks', () => {
    const options = { config: emptyDescriptor, layers: [layer], annotations: { a: '1' } };
    const compact = textOf(buildOciManifest({ ...options, compact: true }));
    expect(compact).toBe(JSON.stringify(JSON.parse(textOf(buildOciManifest(options)))));
  });

  test('an index says what each manifest runs on', () => {
    const manifests: Descriptor[] = [
      {
        ...config,
        mediaType: mediaTypes.ociManifest,
        artifactType: 'application/example',
        platform: { architecture: 'amd64', os: 'linux' },
      },
    ];
    expect(Object.keys(JSON.parse(textOf(buildIndex({ manifests }))).manifests[0])).toEqual([
      'mediaType',
      'digest',
      'size',
      'platform',
      'artifactType',
    ]);
    expect(textOf(buildIndex({ manifests: [] }))).toBe(
      '{\n   "schemaVersion": 2,\n   "mediaType": "application/vnd.oci.image.index.v1+json",\n   "manifests": []\n}',
    );
  });

  test('the empty descriptor describes its own data', () => {
    const bytes = new TextEncoder().encode('{}');
    expect(emptyDescriptor).toMatchObject({ digest: digestBytes(bytes), size: bytes.byteLength, data: btoa('{}') });
  });
});

describe('what the own parser would refuse is not built', () => {
  const build = {
    'a Docker manifest': (one: Descriptor) => buildDockerManifest({ config, layers: [layer, one] }),
    'a list': (one: Descriptor) => buildDockerManifestList({ manifests: [{ platform: linux, ...one }] }),
    'an OCI manifest': (one: Descriptor) => buildOciManifest({ config: one, layers: [] }),
    'the subject of a manifest': (one: Descriptor) => buildOciManifest({ config, layers: [], subject: one }),
    'an index': (one: Descriptor) => buildIndex({ manifests: [one] }),
  };
  const linux = { os: 'linux', architecture: 'amd64' };

  test.each<[string, object, string]>([
    ['a number for an annotation', { annotations: { a: 5 } }, 'annotations.a'],
    ['true for an annotation', { annotations: { a: 'x', b: true } }, 'annotations.b'],
    ['nothing for an annotation', { annotations: { a: undefined } }, 'annotations.a'],
    ['an object for an annotation', { annotations: { a: {} } }, 'annotations.a'],
    ['a list of annotations', { annotations: ['a'] }, 'annotations'],
    ['a number for an address', { urls: ['https://example.com', 7] }, 'urls[1]'],
    ['an address by itself', { urls: 'https://example.com' }, 'urls'],
    ['bytes for data', { data: new Uint8Array(2) }, 'data'],
    ['a number for a type', { mediaType: 5 }, 'mediaType'],
    ['a number for a kind of artifact', { artifactType: 5 }, 'artifactType'],
    ['a platform with a number for a system', { platform: { architecture: 'amd64', os: 5 } }, 'platform.os'],
    ['a platform that is a text', { platform: 'linux/amd64' }, 'platform'],
    ['a size that is a text', { size: '5' }, 'size'],
  ])('%s', (_name, change, path) => {
    for (const [name, make] of Object.entries(build)) {
      expect(() => make({ ...layer, ...change } as Descriptor), name).toThrow(
        expect.objectContaining({
          code: 'ERR_MANIFEST_INVALID',
          path: expect.toSatisfy((at: string) => at.endsWith(`.${path}`)),
        }),
      );
    }
  });

  test.each([5, true, null, { x: 'y' }])('%o as an annotation of the document', (value) => {
    const annotations = { good: 'x', odd: value } as unknown as Record<string, string>;
    const refused = expect.objectContaining({ code: 'ERR_MANIFEST_INVALID', path: 'annotations.odd' });
    expect(() => buildOciManifest({ config, layers: [], annotations })).toThrow(refused);
    expect(() => buildIndex({ manifests: [], annotations })).toThrow(refused);
  });

  test('annotations in a Map', () => {
    const annotations = new Map([['a', 'x']]) as unknown as Record<string, string>;
    expect(() => buildIndex({ manifests: [], annotations })).toThrow('to be a plain object, got a Map');
  });
});

describe('whatever the descriptors', () => {
  const list = fc.array(anyDescriptor, { maxLength: 4 });

  test('digest and size are those of the bytes, and parsing gives the descriptors back', () => {
    fc.assert(
      fc.property(anyDescriptor, list, fc.option(anyDescriptor, { nil: undefined }), (first, layers, subject) => {
        const built = buildOciManifest({ config: first, layers, subject });
        expect(built).toMatchObject({ digest: digestBytes(built.bytes), size: built.bytes.byteLength });
        expect(parseManifest(built.bytes, built.mediaType)).toMatchObject({
          kind: 'oci-manifest',
          config: first,
          layers,
          subject,
        });
        const index = buildIndex({ manifests: layers, subject });
        expect(parseManifest(index.bytes)).toMatchObject({ kind: 'oci-index', manifests: layers, subject });
      }),
    );
  });

  test('building twice gives the same bytes', () => {
    fc.assert(
      fc.property(anyDescriptor, list, (first, layers) => {
        const built = buildDockerManifest({ config: first, layers });
        const parsed = parseManifest(built.bytes, built.mediaType);
        const { config, layers: again } = parsed as DockerManifest;
        expect(parsed.kind).toBe('docker-manifest');
        expect(buildDockerManifest({ config, layers: again })).toEqual(built);
      }),
    );
  });
});

function textOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return new TextDecoder().decode(bytes);
}
