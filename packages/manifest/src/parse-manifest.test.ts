import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mediaTypes } from './media-types.ts';
import { parseManifest } from './parse-manifest.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const config = { mediaType: mediaTypes.ociConfig, digest, size: 2 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 3 };
const ociManifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const dockerManifest = { ...ociManifest, mediaType: mediaTypes.dockerManifest };
const ociIndex = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...config, mediaType: mediaTypes.ociManifest }],
};
const dockerList = { ...ociIndex, mediaType: mediaTypes.dockerManifestList };
const artifact = { mediaType: mediaTypes.ociArtifactManifest, artifactType: 'application/example', blobs: [layer] };
const schema1 = {
  schemaVersion: 1,
  name: 'foo/bar',
  tag: 'test',
  architecture: 'amd64',
  fsLayers: [{ blobSum: digest }],
  history: [{ v1Compatibility: '{}' }],
};
const signed = { ...schema1, signatures: [{}] };

describe('parseManifest', () => {
  test.each([
    // document, what the registry calls it, kind, media type
    [ociManifest, undefined, 'oci-manifest', mediaTypes.ociManifest],
    [ociManifest, mediaTypes.ociManifest, 'oci-manifest', mediaTypes.ociManifest],
    [without(ociManifest, 'mediaType'), undefined, 'oci-manifest', mediaTypes.ociManifest],
    [without(ociManifest, 'mediaType'), mediaTypes.ociManifest, 'oci-manifest', mediaTypes.ociManifest],
    [{ ...ociManifest, mediaType: '' }, undefined, 'oci-manifest', mediaTypes.ociManifest],
    [{ ...ociManifest, layers: null }, undefined, 'oci-manifest', mediaTypes.ociManifest],
    [{ ...ociManifest, manifests: null }, undefined, 'oci-manifest', mediaTypes.ociManifest],
    [dockerManifest, undefined, 'docker-manifest', mediaTypes.dockerManifest],
    [dockerManifest, `${mediaTypes.dockerManifest}; charset=utf-8`, 'docker-manifest', mediaTypes.dockerManifest],
    [dockerManifest, mediaTypes.dockerManifest.toUpperCase(), 'docker-manifest', mediaTypes.dockerManifest],
    [dockerManifest, 'application/json', 'docker-manifest', mediaTypes.dockerManifest],
    [dockerManifest, 'text/plain; charset=utf-8', 'docker-manifest', mediaTypes.dockerManifest],
    [dockerManifest, '', 'docker-manifest', mediaTypes.dockerManifest],
    [ociIndex, undefined, 'oci-index', mediaTypes.ociIndex],
    [without(ociIndex, 'mediaType'), undefined, 'oci-index', mediaTypes.ociIndex],
    [{ schemaVersion: 2, manifests: [] }, undefined, 'oci-index', mediaTypes.ociIndex],
    [dockerList, undefined, 'docker-list', mediaTypes.dockerManifestList],
    [artifact, undefined, 'oci-artifact-manifest', mediaTypes.ociArtifactManifest],
    [schema1, undefined, 'schema1', mediaTypes.schema1Manifest],
    [schema1, mediaTypes.schema1Manifest, 'schema1', mediaTypes.schema1Manifest],
    [signed, undefined, 'schema1', mediaTypes.schema1SignedManifest],
    [signed, mediaTypes.schema1SignedManifest, 'schema1', mediaTypes.schema1SignedManifest],
  ])('%j as %s is a %s', (document, mediaType, kind, expected) => {
    const bytes = bytesOf(document);
    const parsed = parseManifest(bytes, mediaType);
    expect(parsed).toMatchObject({ kind, mediaType: expected });
    expect(parsed.bytes).toBe(bytes);
    expect(parsed).toSatisfy(Object.isFrozen);
  });

  test('an image says what it consists of', () => {
    const subject = { ...config, mediaType: mediaTypes.ociManifest };
    const full = { ...ociManifest, subject, artifactType: 'application/example', annotations: { __proto__x: 'y' } };
    expect(parseManifest(bytesOf(full))).toEqual({
      kind: 'oci-manifest',
      bytes: bytesOf(full),
      ...without(full, 'schemaVersion'),
    });
  });

  test('an index entry keeps all that it says', () => {
    const platform = {
      architecture: 'amd64',
      os: 'windows',
      'os.version': '10.0',
      'os.features': ['win32k'],
      variant: 'v2',
    };
    const entry = {
      ...layer,
      urls: ['https://a'],
      annotations: { a: 'b' },
      data: 'e30=',
      platform,
      artifactType: 'a/b',
    };
    expect(parseManifest(bytesOf({ ...ociIndex, manifests: [entry] }))).toMatchObject({ manifests: [entry] });
  });

  test('a schema 1 manifest says its layers, newest first', () => {
    expect(parseManifest(bytesOf(signed))).toMatchObject({
      isSigned: true,
      name: 'foo/bar',
      tag: 'test',
      architecture: 'amd64',
      fsLayers: [digest],
      history: ['{}'],
    });
  });

  test('a size that is left out is what the reader knows it to be', () => {
    const bare = without(layer, 'size');
    const sizeOf = (wanted: string): number | undefined => (wanted === digest ? 3 : undefined);
    for (const document of [ociManifest, dockerManifest]) {
      const bytes = bytesOf({ ...document, layers: [bare, layer] });
      expect(parseManifest(bytes, undefined, { sizeOf })).toMatchObject({ layers: [{ size: 3 }, { size: 3 }] });
    }
    const unknown = bytesOf({ ...ociManifest, layers: [bare] });
    expect(() => parseManifest(unknown, undefined, { sizeOf: () => undefined })).toThrow('layers[0].size');
  });

  test('bad entries of an index are told and left out, where the reader says so', () => {
    const bytes = bytesOf({ schemaVersion: 2, manifests: [{ ...layer, digest: '' }, layer, 7] });
    const told: [number, string][] = [];
    const index = parseManifest(bytes, mediaTypes.ociIndex, {
      onBadEntry: (error, position) => told.push([position, error.path]),
    });
    expect(index).toMatchObject({ manifests: [{ digest }] });
    expect(told).toEqual([
      [0, 'manifests[0].digest'],
      [2, 'manifests[2]'],
    ]);
    expect(() => parseManifest(bytes, mediaTypes.ociIndex)).toThrow('manifests[2]');
  });

  test('media types are compared without case and parameters', () => {
    const bytes = bytesOf({ ...ociManifest, mediaType: mediaTypes.ociManifest.replace('json', 'JSON') });
    const given = `${mediaTypes.ociManifest.toUpperCase()}; charset=utf-8`;
    expect(parseManifest(bytes, given).mediaType).toBe(mediaTypes.ociManifest);
  });

  test('Docker leaves a size of 0 out, OCI does not', () => {
    const bare = without(layer, 'size');
    expect(parseManifest(bytesOf({ ...dockerManifest, layers: [bare] }))).toMatchObject({
      layers: [{ ...bare, size: 0 }],
    });
    expect(() => parseManifest(bytesOf({ ...ociManifest, layers: [bare] }))).toThrow(
      'layers[0].size: expected a number of bytes, got nothing',
    );
  });

  test.each<[string, unknown, string | undefined, string]>([
    ['no JSON', new TextEncoder().encode('{'), undefined, 'expected JSON'],
    ['nothing', new Uint8Array(), undefined, 'expected JSON'],
    ['a byte order mark', new TextEncoder().encode(`\ufeff${JSON.stringify(ociManifest)}`), undefined, 'expected JSON'],
    ['two documents', new TextEncoder().encode('{}{}'), undefined, 'expected JSON'],
    ['a list', [], undefined, 'expected an object, got a list'],
    ['null', null, undefined, 'expected an object, got null'],
    ['no kind', { schemaVersion: 2 }, undefined, 'mediaType: expected a media type, got nothing'],
    [
      'another type inside',
      dockerManifest,
      mediaTypes.ociManifest,
      'mediaType: expected "application/vnd.oci.image.manifest.v1+json", got "application/vnd.docker',
    ],
    [
      'an index called a manifest',
      without(ociIndex, 'mediaType'),
      mediaTypes.ociManifest,
      'manifests: ambiguous document',
    ],
    [
      'a manifest called an index',
      without(ociManifest, 'mediaType'),
      mediaTypes.ociIndex,
      'config: ambiguous document',
    ],
    [
      'a wrong type inside',
      { ...dockerManifest, mediaType: `${mediaTypes.dockerManifest}XXX` },
      undefined,
      'mediaType: expected the type of a manifest',
    ],
    [
      'no type inside a Docker manifest',
      without(dockerManifest, 'mediaType'),
      mediaTypes.dockerManifest,
      'mediaType: expected "application/vnd.docker',
    ],
    [
      'no type inside a Docker list',
      without(dockerList, 'mediaType'),
      mediaTypes.dockerManifestList,
      'mediaType: expected "application/vnd.docker',
    ],
    ['a type that is no manifest', {}, 'text/html', 'mediaType: expected the type of a manifest, got "text/html"'],
    ['a type that is no text', { ...ociManifest, mediaType: 1 }, undefined, 'mediaType: expected a text, got 1'],
    ['layers and manifests', { ...ociManifest, manifests: [] }, undefined, 'manifests: ambiguous document'],
    ['manifests and layers', { ...ociIndex, layers: [] }, undefined, 'layers: ambiguous document'],
    ['manifests and a config', { ...dockerList, config }, undefined, 'config: ambiguous document'],
    ['layers and fsLayers', { ...dockerManifest, fsLayers: [] }, undefined, 'fsLayers: ambiguous document'],
    ['layers and blobs', { ...ociManifest, blobs: [] }, undefined, 'blobs: ambiguous document'],
    ['fsLayers and layers', { ...schema1, layers: [] }, undefined, 'layers: ambiguous document'],
    [
      'both, and no type',
      { schemaVersion: 2, config, layers: [layer], manifests: [] },
      undefined,
      'ambiguous document',
    ],
    ['Layers for layers', { ...ociManifest, Layers: [] }, undefined, 'expected layers, got "Layers"'],
    ['Digest beside digest', { ...ociManifest, config: { ...config, Digest: digest } }, undefined, 'got "Digest"'],
    ['SIZE for size', { ...ociManifest, config: { ...without(config, 'size'), SIZE: 2 } }, undefined, 'got "SIZE"'],
    [
      'a long s in a layer',
      { ...ociManifest, layers: [layer, { ...layer, urlſ: ['https://x.test/'] }] },
      undefined,
      'layers[1]: expected urls, got "urlſ"',
    ],
    [
      'a platform in two spellings',
      {
        ...ociIndex,
        manifests: [{ ...config, platform: { os: 'linux', architecture: 'amd64', Architecture: 'arm' } }],
      },
      undefined,
      'manifests[0].platform: expected architecture, got "Architecture"',
    ],
    [
      'a subject in two spellings',
      { ...ociManifest, subject: { ...config, mediatype: 'a/b' } },
      undefined,
      'subject: expected mediaType, got "mediatype"',
    ],
    ['Annotations', { ...ociManifest, Annotations: {} }, undefined, 'expected annotations, got "Annotations"'],
    ['blobsum', { ...schema1, fsLayers: [{ blobSum: digest, blobsum: digest }] }, undefined, 'got "blobsum"'],
    ['Name in schema 1', { ...schema1, Name: 'x' }, undefined, 'expected name, got "Name"'],
    [
      'a member that is there twice',
      new TextEncoder().encode(JSON.stringify(ociManifest).replace('"layers":', '"layers":[],"l\\u0061yers":')),
      undefined,
      'it names "layers" twice in one object',
    ],
    [
      'a digest that is there twice',
      new TextEncoder().encode(JSON.stringify(ociManifest).replace('"digest":', `"digest":"${digest}","digest":`)),
      undefined,
      'it names "digest" twice in one object',
    ],
    [
      'a size that is there twice, after a layer with annotations',
      new TextEncoder().encode(
        JSON.stringify({ ...ociManifest, layers: [{ ...layer, annotations: { size: '1' } }, layer] }).replace(
          /"size":(?=\d+\}\])/,
          '"size":9,"size":',
        ),
      ),
      undefined,
      'it names "size" twice in one object',
    ],
    ...['108.0', '107e0', '1E+2', '-0', '-0.0', '20e-1'].map((size): [string, Uint8Array, undefined, string] => [
      `a size written as ${size}`,
      new TextEncoder().encode(JSON.stringify(ociManifest).replace('"size":3', `"size" : ${size}`)),
      undefined,
      `expected size to be a whole number in digits, got ${size}`,
    ]),
    ...(['2.0', '2e0', '0.2e1'] as const).map((version): [string, Uint8Array, string, string] => [
      `a schemaVersion written as ${version}`,
      new TextEncoder().encode(JSON.stringify(ociIndex).replace('"schemaVersion":2', `"schemaVersion":${version}`)),
      mediaTypes.ociIndex,
      `expected schemaVersion to be a whole number in digits, got ${version}`,
    ]),
    [
      'schemaVersion 1.0 of schema 1',
      new TextEncoder().encode(JSON.stringify(schema1).replace('"schemaVersion":1', '"schemaVersion":1.0')),
      undefined,
      'expected schemaVersion to be a whole number in digits, got 1.0',
    ],
    [
      'a size in an entry after annotations, a list and an object with numbers',
      new TextEncoder().encode(
        `{"schemaVersion":2,"x":[1.5,{"size":1}],"annotations":{"size":"1.0"},"y":2e1,"manifests":[{"size":1.0}]}`,
      ),
      mediaTypes.ociIndex,
      'expected size to be a whole number in digits, got 1.0',
    ],
    ...['007', '9007199254740992', '9007199254740993', '18446744073709551616', '.5', '+1', '0x10'].map(
      (size): [string, Uint8Array, undefined, string] => [
        `a size written as ${size}`,
        new TextEncoder().encode(JSON.stringify(ociManifest).replace('"size":3', `"size":${size}`)),
        undefined,
        /^\d{16}/.test(size) ? 'layers[0].size: expected a number of bytes' : 'expected JSON',
      ],
    ),
    ['MEDIATYPE for mediaType', { ...ociManifest, MEDIATYPE: '' }, undefined, 'expected mediaType, got "MEDIATYPE"'],
    ['schema version 1', { ...ociManifest, schemaVersion: 1 }, undefined, 'schemaVersion: expected 2, got 1'],
    [
      'schema version 2',
      { ...schema1, schemaVersion: 2 },
      mediaTypes.schema1Manifest,
      'schemaVersion: expected 1, got 2',
    ],
    ['no schema version', without(ociManifest, 'schemaVersion'), undefined, 'schemaVersion: expected 2, got nothing'],
    ['no config', without(ociManifest, 'config'), undefined, 'config: expected an object, got nothing'],
    ['a config that is a text', { ...ociManifest, config: 'x' }, undefined, 'config: expected an object, got "x"'],
    ['layers that are an object', { ...ociManifest, layers: {} }, undefined, 'layers: expected a list, got an object'],
    [
      'a layer that is null',
      { ...ociManifest, layers: [layer, null] },
      undefined,
      'layers[1]: expected an object, got null',
    ],
    [
      'no digest',
      { ...ociManifest, layers: [without(layer, 'digest')] },
      undefined,
      'layers[0].digest: expected a digest, got nothing',
    ],
    [
      'a misspelt digest',
      { ...ociManifest, config: { ...config, digest: 'sha256:ABC' } },
      undefined,
      'config.digest: expected a digest, got "sha256:ABC"',
    ],
    [
      'a digest nobody computes',
      { ...ociIndex, manifests: [{ ...config, digest: 'md5:abc' }] },
      undefined,
      'manifests[0].digest',
    ],
    [
      'a negative size',
      { ...ociManifest, config: { ...config, size: -1 } },
      undefined,
      'config.size: expected a number of bytes, got -1',
    ],
    ['a size with a fraction', { ...ociManifest, config: { ...config, size: 0.5 } }, undefined, 'config.size'],
    ['a size beyond counting', { ...ociManifest, config: { ...config, size: 1e300 } }, undefined, 'config.size'],
    [
      'a size in words',
      { ...dockerManifest, config: { ...config, size: '2' } },
      undefined,
      'config.size: expected a number of bytes, got "2"',
    ],
    [
      'no media type of a layer',
      { ...ociManifest, layers: [without(layer, 'mediaType')] },
      undefined,
      'layers[0].mediaType',
    ],
    [
      'an empty media type of a layer',
      { ...ociManifest, layers: [{ ...layer, mediaType: '' }] },
      undefined,
      'layers[0].mediaType',
    ],
    [
      'urls that are no texts',
      { ...ociManifest, layers: [{ ...layer, urls: [1] }] },
      undefined,
      'layers[0].urls[0]: expected a text, got 1',
    ],
    [
      'annotations that are no texts',
      { ...ociManifest, annotations: { a: 1 } },
      undefined,
      'annotations.a: expected a text, got 1',
    ],
    [
      'annotations that are a list',
      { ...ociManifest, annotations: [] },
      undefined,
      'annotations: expected an object, got a list',
    ],
    ['a subject without digest', { ...ociManifest, subject: {} }, undefined, 'subject.mediaType'],
    [
      'an artifact without type',
      without(artifact, 'artifactType'),
      undefined,
      'artifactType: expected a text, got nothing',
    ],
    ['no fsLayers', { ...schema1, fsLayers: [], history: [] }, undefined, 'no FSLayers in manifest'],
    [
      'less history than layers',
      { ...schema1, history: [] },
      undefined,
      'length of history not equal to number of layers',
    ],
    ['no name', without(schema1, 'name'), undefined, 'name: expected a text, got nothing'],
    [
      'a long text',
      { ...ociManifest, config: { ...config, digest: 'x'.repeat(9999) } },
      undefined,
      `got "${'x'.repeat(119)}…`,
    ],
  ])('%s is refused', (_name, document, mediaType, message) => {
    const bytes = document instanceof Uint8Array ? document : bytesOf(document);
    const refused = expect.objectContaining({
      name: 'InvalidManifestError',
      code: 'ERR_MANIFEST_INVALID',
      message: expect.stringMatching(/^invalid manifest: .{1,400}$/),
    });
    expect(() => parseManifest(bytes, mediaType)).toThrow(refused);
    expect(() => parseManifest(bytes, mediaType)).toThrow(message);
  });

  test('annotations may be there twice, and members of different objects have the same names', () => {
    const text = JSON.stringify({ ...ociManifest, annotations: { a: '{"digest":"x","digest":"y"}' } });
    const bytes = new TextEncoder().encode(text.replace('"a":', '"a":"1","Digest":"2","Digest":"3","a":'));
    expect(parseManifest(bytes)).toHaveProperty('annotations', { a: '{"digest":"x","digest":"y"}', Digest: '3' });
  });

  test('numbers that are no integers of ours may be as they like', () => {
    const text = JSON.stringify({ ...ociManifest, layers: [{ ...layer, x: 0 }, layer] });
    const odd = text.replace('"x":0', '"x":[1.5,-2e-3],"e":"1.5","z":-0.0').replace('{', '{"version":2.0,');
    expect(parseManifest(new TextEncoder().encode(odd))).toHaveProperty('layers.1.size', 3);
  });

  test('a document longer than the limit is not looked at', () => {
    const tooLarge = expect.objectContaining({
      code: 'ERR_MANIFEST_TOO_LARGE',
      size: 4 * 1024 * 1024 + 1,
      limit: 4 * 1024 * 1024,
    });
    expect(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(tooLarge);
    expect(() => parseManifest(new Uint8Array(2), undefined, { maxSize: 1 })).toThrow(
      'manifest too large: expected at most 1 bytes, got 2',
    );
  });

  test('deep nesting is answered', () => {
    const deep = `{"annotations":${'['.repeat(1_000_000)}`;
    expect(() => parseManifest(new TextEncoder().encode(deep))).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_INVALID' }),
    );
  });

  test('whatever the JSON, the answer is a manifest or a refusal', () => {
    const member = fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'fsLayers',
      'digest',
      'size',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(
          1,
          2,
          -1,
          null,
          '',
          digest,
          mediaTypes.ociManifest,
          mediaTypes.ociIndex,
          mediaTypes.dockerManifest,
        ),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(member, tie('tree'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (document) => {
        try {
          expect(parseManifest(bytesOf(document)).kind).toBeTypeOf('string');
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_MANIFEST_INVALID' });
        }
      }),
    );
  });
});

function bytesOf(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function without<T extends object>(document: T, key: keyof T): object {
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== key));
}
