import { contentOf, createGzipCompressor, digestBytes } from '@slipway/digest';
import type { SourceArtifact, SourceImage, SourceIndex, SourceItem, SourceLayer } from '@slipway/image-source';
import {
  buildDockerManifest,
  buildIndex,
  buildOciManifest,
  type Descriptor,
  emptyDescriptor,
  mediaTypes,
  type OciManifest,
  type ParsedManifest,
  parseManifest,
} from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import type { PushOptions } from '../src/index.ts';
import { type Bench, digestOf, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

async function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createGzipCompressor({ level: 9 }).compress(contentOf(bytes).open())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Made {
  readonly architecture?: string;
  readonly layer?: Partial<Descriptor>;
  readonly manifest?: Pick<Parameters<typeof buildOciManifest>[0], 'annotations' | 'subject'>;
  readonly docker?: boolean;
}

async function imageWith(
  seed: number,
  { architecture = 'amd64', layer = {}, manifest = {}, docker }: Made = {},
): Promise<SourceImage> {
  const plain = textBytes(seed, 9000);
  const bytes = await gzipped(plain);
  const descriptor: Descriptor = {
    mediaType: docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip,
    digest: digestBytes(bytes),
    size: bytes.byteLength,
    ...layer,
  };
  const given: SourceLayer = { diffID: digestBytes(plain), content: contentOf(bytes), compression: 'gzip', descriptor };
  const base = imageOf([given], { comment: `${seed} ${architecture}` });
  const config = {
    mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    digest: base.config.digest,
    size: base.config.bytes.byteLength,
  };
  const built = docker
    ? buildDockerManifest({ config, layers: [descriptor] })
    : buildOciManifest({ config, layers: [descriptor], ...manifest });
  return { ...base, manifest: built, platform: { os: 'linux', architecture } };
}

function descriptorOf({ manifest }: SourceItem, more: Partial<Descriptor> = {}): Descriptor {
  if (manifest === undefined) throw new Error('expected a manifest');
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.byteLength, ...more };
}

function indexOf(children: SourceIndex['children'], more: Partial<Parameters<typeof buildIndex>[0]> = {}): SourceIndex {
  const manifest = buildIndex({ manifests: children.map(({ descriptor }) => descriptor), ...more });
  return { kind: 'index', names: [], manifest, children };
}

function attestationOf(image: SourceImage): SourceIndex['children'][number] {
  const manifest = buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor] });
  const content = contentOf(new TextEncoder().encode('{}'));
  const blobs = [{ descriptor: emptyDescriptor, content }];
  const item: SourceArtifact = { kind: 'artifact', names: [], manifest, blobs };
  const annotations = {
    'vnd.docker.reference.digest': image.manifest?.digest ?? '',
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  return {
    descriptor: descriptorOf(item, { annotations, platform: { os: 'unknown', architecture: 'unknown' } }),
    item,
  };
}

async function held(bench: Bench, name: string, tagOrDigest = '1'): Promise<ParsedManifest> {
  const found = await bench.registry.manifest(name, tagOrDigest);
  if (found === undefined) throw new Error(`expected ${name}:${tagOrDigest}`);
  return parseManifest(found.bytes, found.mediaType);
}

const warnings = (bench: Bench): readonly string[] =>
  bench.events.flatMap((event) => (event.type === 'warning' ? event.code : []));

describe('a layer that a manifest names goes as it is, whatever is recorded of its diffID', () => {
  const plain = textBytes(77, 9000);
  const unnamed = imageOf([plainLayer(plain)]);

  test.each<[string, string, boolean, PushOptions]>([
    ['to docker, with a record of the repository', 'c/app', false, { format: 'docker' }],
    ['to docker, with a record of another repository', 'c/base', false, { format: 'docker' }],
    ['to docker, as the gzip that it is', 'c/app', false, { format: 'docker', compression: 'gzip' }],
    ['to OCI', 'c/app', true, { format: 'oci' }],
    ['to docker, believing what the repository says', 'c/app', false, { format: 'docker', learn: 'trust' }],
  ])('%s', async (_, repository, docker, options) => {
    await using bench = await openBench();
    const image = await imageWith(77, { docker });
    digestOf(await bench.push(unnamed, `${repository}:0`));
    digestOf(await bench.push(image, 'c/app:1', options));
    const [other] = ((await held(bench, repository, '0')) as OciManifest).layers;
    const [layer] = ((await held(bench, 'c/app')) as OciManifest).layers;
    expect(layer?.digest).toBe(image.layers[0]?.descriptor?.digest);
    expect(layer?.digest).not.toBe(other?.digest);
    await bench.registry.verify();
    await using fresh = await openBench();
    expect(digestOf(await fresh.push(image, 'c/app:1', options))).toBe(
      (await bench.registry.manifest('c/app', '1'))?.digest,
    );
  });
});

describe('from OCI to Docker', () => {
  test('what Docker has no place for is told', async () => {
    await using bench = await openBench();
    const subject = { mediaType: mediaTypes.ociManifest, digest: digestBytes(new Uint8Array()), size: 0 };
    const image = await imageWith(1, { manifest: { annotations: { a: 'b' }, subject } });
    digestOf(await bench.push(image, 'c/app:1', { format: 'docker' }));
    expect(warnings(bench)).toEqual(['conversion-loss']);
  });

  test('a layer that may not be distributed stays one, with its addresses', async () => {
    await using bench = await openBench();
    const urls = ['https://elsewhere.example/layer'];
    const image = await imageWith(2, { layer: { mediaType: mediaTypes.ociNondistributableLayerGzip, urls } });
    digestOf(await bench.push(image, 'c/app:1', { format: 'docker' }));
    expect(await held(bench, 'c/app')).toMatchObject({
      layers: [{ mediaType: mediaTypes.dockerForeignLayerGzip, urls }],
    });
  });

  test('one that names no address becomes an ordinary one, which is told: its bytes are pushed', async () => {
    await using bench = await openBench();
    const image = await imageWith(2, { layer: { mediaType: mediaTypes.ociNondistributableLayerGzip } });
    digestOf(await bench.push(image, 'c/app:1', { format: 'docker' }));
    expect(await held(bench, 'c/app')).toMatchObject({ layers: [{ mediaType: mediaTypes.dockerLayerGzip }] });
    expect(warnings(bench)).toEqual(['conversion-loss']);
    digestOf(await bench.push(image, 'c/app:1', { format: 'oci', compression: 'none' }));
    const [layer] = ((await held(bench, 'c/app')) as OciManifest).layers;
    expect(layer?.mediaType).toBe(mediaTypes.ociNondistributableLayer);
  });

  test('attestations are left out of a list, nested indexes flattened, platforms filled in', async () => {
    await using bench = await openBench();
    const amd = await imageWith(3);
    const arm = await imageWith(4, { architecture: 'arm64' });
    const inner = indexOf([{ descriptor: descriptorOf(arm), item: arm }]);
    const index = indexOf([
      { descriptor: descriptorOf(amd, { platform: amd.platform }), item: amd },
      attestationOf(amd),
      { descriptor: descriptorOf(inner), item: inner },
    ]);
    digestOf(await bench.push(index, 'c/app:1', { format: 'docker' }));
    expect(await held(bench, 'c/app')).toMatchObject({
      kind: 'docker-list',
      manifests: [{ platform: { architecture: 'amd64' } }, { platform: { architecture: 'arm64' } }],
    });
    expect(warnings(bench)).toEqual(['attestations-dropped']);
    await bench.registry.verify();
  });
});

describe('an index whose images change', () => {
  test('keeps annotations, type and subject; attestations follow their images', async () => {
    await using bench = await openBench();
    const amd = await imageWith(5, { docker: true });
    const subject = { mediaType: mediaTypes.ociManifest, digest: digestBytes(new Uint8Array(3)), size: 3 };
    const more = { annotations: { a: 'b' }, artifactType: 'example/bundle', subject };
    const index = indexOf(
      [{ descriptor: descriptorOf(amd, { platform: amd.platform, data: 'e30=' }), item: amd }, attestationOf(amd)],
      more,
    );
    digestOf(await bench.push(index, 'c/app:1', { format: 'oci' }));
    const found = await held(bench, 'c/app');
    expect(found).toMatchObject({ kind: 'oci-index', ...more });
    if (found.kind !== 'oci-index') throw new Error('expected an index');
    const [image, attestation] = found.manifests;
    expect(image).toMatchObject({ mediaType: mediaTypes.ociManifest, platform: { architecture: 'amd64' } });
    expect(image).not.toHaveProperty('data');
    expect(image?.digest).not.toBe(amd.manifest?.digest);
    expect(attestation?.annotations?.['vnd.docker.reference.digest']).toBe(image?.digest);
    expect(warnings(bench)).toEqual(['attestations-stale']);
  });

  /** An entry that is about another manifest, as BuildKit's `oci-artifact=true` makes them. */
  const entryAbout = (subject: Descriptor, name: string): SourceIndex['children'][number] => {
    const empty = new Uint8Array([123, 125]);
    const manifest = buildOciManifest({
      config: emptyDescriptor,
      layers: [emptyDescriptor],
      artifactType: `example/${name}`,
      subject,
      annotations: { name },
      compact: name === 'signature',
    });
    const blobs = [{ descriptor: emptyDescriptor, content: contentOf(empty) }];
    const item: SourceArtifact = { kind: 'artifact', names: [], manifest, blobs };
    return { item, descriptor: descriptorOf(item) };
  };
  const subjectOf = async (bench: Bench, digest: string): Promise<Descriptor | undefined> => {
    const manifest = await held(bench, 'c/app', digest);
    return manifest.kind === 'oci-manifest' ? manifest.subject : undefined;
  };
  const entryOf = (item: SourceItem): SourceIndex['children'][number] => ({ item, descriptor: descriptorOf(item) });

  test('takes along what is about its entries, and what is about that', async () => {
    await using bench = await openBench();
    const image = entryOf(await imageWith(15, { docker: true }));
    const sbom = entryAbout(image.descriptor, 'sbom');
    const signature = entryAbout(sbom.descriptor, 'signature');
    const index = indexOf([signature, sbom, image], { subject: image.descriptor });
    const planned = digestOf(await bench.push(index, 'c/app:1', { format: 'oci', dryRun: true }));
    expect(digestOf(await bench.push(index, 'c/app:1', { format: 'oci' }))).toBe(planned);
    const found = await held(bench, 'c/app');
    if (found.kind !== 'oci-index') throw new Error('expected an index');
    const [madeSignature, madeSbom, madeImage] = found.manifests;
    expect(madeImage?.digest).not.toBe(image.descriptor.digest);
    const { mediaType, digest, size } = madeImage!;
    expect(found.subject).toEqual({ mediaType, digest, size });
    expect(await subjectOf(bench, madeSbom!.digest)).toEqual({ mediaType, digest, size });
    expect((await subjectOf(bench, madeSignature!.digest))?.digest).toBe(madeSbom?.digest);
    const answer = await fetch(`http://${bench.registry.host}/v2/c/app/referrers/${digest}`);
    const listed = (await answer.json()) as { readonly manifests: readonly Descriptor[] };
    expect(listed.manifests.map((referrer) => referrer.digest)).toContain(madeSbom?.digest);
    expect(warnings(bench)).toEqual(['attestations-stale', 'attestations-stale']);
    await bench.registry.verify();
  });

  test('says so where an entry is about a manifest of an index within', async () => {
    await using bench = await openBench();
    const image = entryOf(await imageWith(16, { docker: true }));
    const sbom = entryAbout(image.descriptor, 'sbom');
    const index = indexOf([entryOf(indexOf([image])), sbom]);
    digestOf(await bench.push(index, 'c/app:1', { format: 'oci' }));
    expect((await subjectOf(bench, sbom.descriptor.digest))?.digest).toBe(image.descriptor.digest);
    expect(warnings(bench)).toEqual(['subjects-stale']);
  });

  test('leaves referrers of what changed behind, and says so', async () => {
    await using bench = await openBench();
    const image = await imageWith(6);
    const { item, descriptor } = attestationOf(image);
    const referred: SourceImage = { ...image, referrers: [{ item, descriptor, tag: undefined }] };
    digestOf(await bench.push(referred, 'c/app:1', { format: 'docker' }));
    expect(warnings(bench)).toEqual(['referrers-dropped']);
    expect(bench.registry.manifests('c/app')).toHaveLength(1);
  });
});

test('a Docker manifest with zstd layers goes as it is; made a Docker manifest, zstd layers become gzip', async () => {
  await using bench = await openBench();
  const zstd = await imageWith(7, { docker: true, layer: { mediaType: mediaTypes.dockerLayerZstd } });
  const layers = zstd.layers.map((layer): SourceLayer => ({ ...layer, compression: 'zstd' }));
  const image: SourceImage = { ...zstd, layers };
  expect(digestOf(await bench.push(image, 'c/zstd:1', { verify: 'digest' }))).toBe(zstd.manifest?.digest);
});

test('annotations about the compressed bytes of a layer do not outlive them', async () => {
  await using bench = await openBench();
  const annotations = { 'containerd.io/snapshot/stargz/toc.digest': 'sha256:…', kept: 'yes' };
  const source = await imageWith(8, { layer: { annotations } });
  const plain = textBytes(8, 9000);
  const made: SourceImage = {
    ...source,
    layers: source.layers.map((layer): SourceLayer => ({ ...layer, content: contentOf(plain), compression: 'none' })),
  };
  digestOf(await bench.push(made, 'c/app:1', { compression: 'gzip' }));
  const found = await held(bench, 'c/app');
  const [layer] = found.kind === 'oci-manifest' ? found.layers : [];
  expect(layer?.digest).not.toBe(source.layers[0]?.descriptor?.digest);
  expect(layer?.annotations).toEqual({ kept: 'yes' });
});
