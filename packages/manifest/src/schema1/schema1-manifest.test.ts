import { gunzipSync } from 'node:zlib';
import { type Digest, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { emptyLayer } from './empty-layer.ts';
import { goTime } from './go-time.ts';
import { buildGraphManifest } from './graph-manifest.ts';
import { encodeSorted, readRawMembers } from './raw-members.ts';
import { buildSchema1Manifest } from './schema1-manifest.ts';
import { v1ConfigOf, v1ImagesOf } from './v1-image.ts';
import { configFromV1 } from './v1-import.ts';

const encoder = new TextEncoder();
const bytesOf = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

const a = emptyLayer.digest;
const b = 'sha256:86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa' as Digest;
const c = 'sha256:b4ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4' as Digest;

const run = (cmd: readonly string[]): object => ({
  AttachStderr: false,
  AttachStdin: false,
  AttachStdout: false,
  Cmd: cmd,
  Domainname: '',
  Entrypoint: null,
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'derived=true', 'asdf=true'],
  Hostname: '23304fc829f9',
  Image: 'sha256:4ab15c48b859c2920dd5224f92aabcd39a52794c5b3cf088fb3bbb438756c246',
  Labels: {},
  OnBuild: [],
  OpenStdin: false,
  StdinOnce: false,
  Tty: false,
  User: '',
  Volumes: null,
  WorkingDir: '',
});

const steps = [
  [
    '2015-10-31T22:22:54.690851953Z',
    '/bin/sh -c #(nop) ADD file:a3bc1e842b69636f9df5256c49c5374fb4eef1e281fe3f282c65fb853ee171c5 in /',
    false,
  ],
  ['2015-10-31T22:22:55.613815829Z', '/bin/sh -c #(nop) CMD ["sh"]', false],
  ['2015-11-04T23:06:30.934316144Z', '/bin/sh -c #(nop) ENV derived=true', true],
  ['2015-11-04T23:06:31.192097572Z', '/bin/sh -c #(nop) ENV asdf=true', true],
  ['2015-11-04T23:06:32.083868454Z', '/bin/sh -c dd if=/dev/zero of=/file bs=1024 count=1024', false],
  ['2015-11-04T23:06:32.365666163Z', '/bin/sh -c #(nop) CMD ["/bin/sh" "-c" "echo hi"]', true],
] as const;

/** The config of distribution's TestConfigBuilder, which its ids are digests of: indented by four spaces. */
const goldenConfig = encoder.encode(
  JSON.stringify(
    {
      architecture: 'amd64',
      config: run(['/bin/sh', '-c', 'echo hi']),
      container: 'e91032eb0403a61bfe085ff5a5a48e3659e5a6deae9f4d678daa2ae399d5a001',
      container_config: run(['/bin/sh', '-c', '#(nop) CMD ["/bin/sh" "-c" "echo hi"]']),
      created: '2015-11-04T23:06:32.365666163Z',
      docker_version: '1.9.0-dev',
      history: steps.map(([created, created_by, empty], at) => ({
        ...(at === 4 && { author: 'Alyssa P. Hacker <alyspdev@example.com>' }),
        created,
        created_by,
        ...(empty && { empty_layer: true }),
      })),
      os: 'linux',
      rootfs: {
        diff_ids: [
          'sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1',
          'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
          'sha256:13f53e08df5a220ab6d13c58b2bf83a59cbdc2e04d0a3f041ddf4b0ba4112d49',
        ],
        type: 'layers',
      },
    },
    null,
    4,
  )
    // Go wrote the author's address escaped.
    .replace('<alyspdev@example.com>', '\\u003calyspdev@example.com\\u003e'),
);

test('the blob of an empty layer is Docker’s, and inflates to 1024 zero bytes', () => {
  expect(emptyLayer.bytes.byteLength).toBe(32);
  expect(digestBytes(emptyLayer.bytes)).toBe(emptyLayer.digest);
  const inflated = gunzipSync(emptyLayer.bytes);
  expect(inflated.equals(Buffer.alloc(1024))).toBe(true);
  expect(digestBytes(inflated)).toBe(emptyLayer.diffID);
});

describe('the golden config', () => {
  const manifest = buildSchema1Manifest({ config: goldenConfig, layers: [a, b, c], name: 'testrepo', tag: 'testtag' });
  const document = JSON.parse(new TextDecoder().decode(manifest.bytes));
  const compatibility = document.history.map((entry: { v1Compatibility: string }) => entry.v1Compatibility) as string[];

  test('the document has Docker’s members in Docker’s order, and empty layers named', () => {
    expect(Object.keys(document)).toEqual(['schemaVersion', 'name', 'tag', 'architecture', 'fsLayers', 'history']);
    expect(document).toMatchObject({ schemaVersion: 1, name: 'testrepo', tag: 'testtag', architecture: 'amd64' });
    expect(document.fsLayers.map(({ blobSum }: { blobSum: string }) => blobSum)).toEqual([a, c, a, a, b, a]);
    expect(manifest.usesEmptyLayer).toBe(true);
    expect(new TextDecoder().decode(manifest.bytes)).toMatch(/^\{\n {3}"schemaVersion": 1,\n/);
    expect(manifest.digest).toBe(digestBytes(manifest.bytes));
  });

  test.each([
    [0, '69e5c1bfadad697fdb6db59f6326648fa119e0c031a0eda33b8cfadcab54ba7f', true],
    [1, '74cf9c92699240efdba1903c2748ef57105d5bedc588084c4e88f3bb1c3ef0b0', undefined],
    [2, '178be37afc7c49e951abd75525dbe0871b62ad49402f037164ee6314f754599d', true],
    [3, 'b449305a55a283538c4574856a8b701f2a3d5ec08ef8aec47f385f20339a4866', true],
    [4, '9e3447ca24cb96d86ebd5960cb34d1299b07e0a0e03801d90b9969a2c187dd6e', undefined],
    [5, '3690474eb5b4b26fdfbd89c6e159e8cc376ca76ef48032a30fa6aafd56337880', undefined],
  ])('step %i has the v1 id %s', (at, id, throwaway) => {
    const step = JSON.parse(compatibility[at]!);
    expect(step.id).toBe(id);
    expect(step.throwaway).toBe(throwaway);
    expect(step.parent).toBe(at === 5 ? undefined : JSON.parse(compatibility[at + 1]!).id);
  });

  test.each([
    [
      5,
      `{"id":"3690474eb5b4b26fdfbd89c6e159e8cc376ca76ef48032a30fa6aafd56337880","created":"2015-10-31T22:22:54.690851953Z","container_config":{"Cmd":["/bin/sh -c #(nop) ADD file:a3bc1e842b69636f9df5256c49c5374fb4eef1e281fe3f282c65fb853ee171c5 in /"]}}`,
    ],
    [
      4,
      `{"id":"9e3447ca24cb96d86ebd5960cb34d1299b07e0a0e03801d90b9969a2c187dd6e","parent":"3690474eb5b4b26fdfbd89c6e159e8cc376ca76ef48032a30fa6aafd56337880","created":"2015-10-31T22:22:55.613815829Z","container_config":{"Cmd":["/bin/sh -c #(nop) CMD [\\"sh\\"]"]}}`,
    ],
    [
      1,
      `{"id":"74cf9c92699240efdba1903c2748ef57105d5bedc588084c4e88f3bb1c3ef0b0","parent":"178be37afc7c49e951abd75525dbe0871b62ad49402f037164ee6314f754599d","created":"2015-11-04T23:06:32.083868454Z","container_config":{"Cmd":["/bin/sh -c dd if=/dev/zero of=/file bs=1024 count=1024"]},"author":"Alyssa P. Hacker \\u003calyspdev@example.com\\u003e"}`,
    ],
  ])('the text of step %i is Go’s', (at, text) => {
    expect(compatibility[at]).toBe(text);
  });

  test('the newest step is the config itself, its keys sorted', () => {
    expect(Object.keys(JSON.parse(compatibility[0]!))).toEqual(
      'architecture config container container_config created docker_version id os parent throwaway'.split(' '),
    );
    expect(compatibility[0]).toContain('"config":{"AttachStderr":false,');
  });
});

describe('what cannot be said in schema 1', () => {
  const config = (history: readonly object[], layers: number): Uint8Array =>
    bytesOf({ rootfs: { type: 'layers', diff_ids: Array.from({ length: layers }, () => b) }, history });
  test.each([
    ['a config without history', config([], 1), [b], /empty history when trying to create schema1 manifest/],
    [
      'another number of layers',
      config([{}], 2),
      [b],
      /number of descriptors and number of layers in rootfs must match/,
    ],
    ['more steps than layers', config([{}, {}], 1), [b], /too many non-empty layers in History section/],
    ['fewer steps than layers', config([{}, {}], 3), [b, b, b], /too few non-empty layers in History section: 2 of 3/],
    ['steps without layers only', config([{ empty_layer: true }], 2), [b, b], /too few .*: 0 of 2/],
    ['as many steps as layers, one without', config([{}, { empty_layer: true }], 2), [b, b], /too few .*: 1 of 2/],
    ['a time that is none', config([{ created: 'yesterday' }, { empty_layer: true }], 1), [b], /expected a time/],
  ])('%s', (_, bytes, layers, message) => {
    expect(() => buildSchema1Manifest({ config: bytes, layers, name: 'a', tag: 'b' })).toThrow(message);
  });
});

test.each([
  ['2015-10-31T22:22:54.120000000Z', '2015-10-31T22:22:54.12Z'],
  ['2015-10-31T22:22:54.000Z', '2015-10-31T22:22:54Z'],
  ['2015-10-31T22:22:54+00:00', '2015-10-31T22:22:54Z'],
  ['2015-10-31T22:22:54.5+02:00', '2015-10-31T22:22:54.5+02:00'],
  [undefined, '0001-01-01T00:00:00Z'],
  ['', '0001-01-01T00:00:00Z'],
  ['31.10.2015', undefined],
])('Go writes the time %s as %s', (text, written) => {
  expect(goTime(text)).toBe(written);
});

test('members keep their spelling, and of equal keys the last counts', () => {
  const text = '{ "b" : 1.50e+3 , "a":[ 1, {"x":"}\\",]"} ], "b":  9007199254740993, "<":"&" }';
  expect(encodeSorted(readRawMembers('test', encoder.encode(text)))).toBe(
    '{"\\u003c":"\\u0026","a":[1,{"x":"}\\",]"}],"b":9007199254740993}',
  );
});

describe('images of a v1 registry', () => {
  const imageID = digestBytes(goldenConfig);

  test('each lower layer is named by its chainID, the top by the image ID', () => {
    const images = v1ImagesOf(goldenConfig, imageID);
    const jsons = images.map(({ json }) => new TextDecoder().decode(json));
    expect(images.map(({ id }) => id).at(-1)).toBe(imageID.slice(7));
    expect(jsons[0]).toBe('{"id":"c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1"}');
    expect(jsons[1]).toBe(`{"id":"${images[1]?.id}","parent":"${images[0]?.id}"}`);
    expect(JSON.parse(jsons[2]!)).toMatchObject({ id: imageID.slice(7), parent: images[1]?.id, os: 'linux' });
    expect(JSON.parse(jsons[2]!)).not.toHaveProperty('rootfs');
    expect(JSON.parse(jsons[2]!)).not.toHaveProperty('throwaway');
  });

  test('an image without layers is one image without parent', () => {
    const config = bytesOf({ os: 'linux', 'os.version': '10', rootfs: { type: 'layers' } });
    const [only, ...others] = v1ImagesOf(config, digestBytes(config));
    expect(others).toEqual([]);
    expect(only).toMatchObject({ parent: undefined, diffID: undefined });
    expect(new TextDecoder().decode(only?.json)).toBe(`{"id":"${only?.id}","os":"linux"}`);
  });

  test('schema 1 keeps os.version, which v1 images never had', () => {
    const config = bytesOf({ 'os.version': '10' });
    expect(v1ConfigOf(config, { id: 'x' })).toBe('{"id":"x","os.version":"10"}');
    expect(v1ConfigOf(config, { id: 'x', onlyV1Fields: true })).toBe('{"id":"x"}');
  });

  test('a chain of 2015 becomes one modern config', () => {
    const chain = [
      { id: 'aa', created: '2015-01-01T00:00:00Z', container_config: { Cmd: ['/bin/sh', '-c', 'add'] } },
      {
        id: 'bb',
        parent: 'aa',
        Size: 12,
        created: '2015-01-02T00:00:00.10Z',
        author: 'me',
        os: 'linux',
        config: { Cmd: ['sh'] },
      },
    ];
    const config = configFromV1({ chain: chain.map(bytesOf), diffIDs: [b, c] });
    expect(JSON.parse(new TextDecoder().decode(config))).toEqual({
      author: 'me',
      config: { Cmd: ['sh'] },
      created: '2015-01-02T00:00:00.10Z',
      history: [
        { created: '2015-01-01T00:00:00Z', created_by: '/bin/sh -c add' },
        { created: '2015-01-02T00:00:00.1Z', author: 'me' },
      ],
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [b, c] },
    });
  });
});

describe('the manifest of 2015', () => {
  test('has schemaVersion last, checksums of any kind, and the json files verbatim', () => {
    const json = encoder.encode('{"id":"x", "Size":0}\n');
    const { bytes } = buildGraphManifest({
      name: 'library/app',
      tag: 'v1',
      architecture: 'amd64',
      layers: [{ checksum: 'tarsum.v1+sha256:ab', json }],
    });
    expect(new TextDecoder().decode(bytes)).toBe(`{
   "name": "library/app",
   "tag": "v1",
   "architecture": "amd64",
   "fsLayers": [
      {
         "blobSum": "tarsum.v1+sha256:ab"
      }
   ],
   "history": [
      {
         "v1Compatibility": "{\\"id\\":\\"x\\", \\"Size\\":0}\\n"
      }
   ],
   "schemaVersion": 1
}`);
  });

  test('without layers there is none', () => {
    expect(() => buildGraphManifest({ name: 'a', tag: 'b', architecture: '', layers: [] })).toThrow(
      'no FSLayers in manifest',
    );
  });
});
