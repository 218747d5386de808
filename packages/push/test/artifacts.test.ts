import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { type ArtifactParts, artifactFrom, type SourceArtifact, type SourceIndex } from '@slipway/image-source';
import { buildIndex, type Descriptor, mediaTypes } from '@slipway/manifest';
import { openRegistry } from '@slipway/registry-client';
import { requireTool, startDebianRegistry, startRegistry, temporaryFolder } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { PushEvent, PushResult } from '../src/index.ts';
import { type Bench, benchAt, digestOf, noiseBytes, openBench, type WatchedRegistry } from './setup.ts';

async function artifactOf(parts: ArtifactParts): Promise<SourceArtifact> {
  await using source = await artifactFrom(parts).open(); // content in memory and on the disk outlives it
  const [item] = source.items;
  if (item?.kind !== 'artifact') throw new Error(`expected an artifact, got ${item?.kind}`);
  return item;
}

function descriptorOf({ manifest: { mediaType, digest, bytes } }: SourceArtifact): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

const chart = (text: string): Promise<SourceArtifact> =>
  artifactOf({ files: [{ title: 'chart', content: text }], artifactType: 'application/x-chart' });

const sbomOf = (subject: SourceArtifact): Promise<SourceArtifact> =>
  artifactOf({
    files: [{ title: 'sbom.json', content: '{"bom":true}', mediaType: 'application/json' }],
    artifactType: 'application/spdx+json',
    annotations: { made: 'by hand' },
    subject: descriptorOf(subject),
  });

async function referrersOf(bench: Bench<WatchedRegistry>, subject: SourceArtifact): Promise<readonly Descriptor[]> {
  await using registry = openRegistry({ url: bench.registry.url });
  return await registry.repository('demo/app').listReferrers(subject.manifest.digest);
}

function warningsOf(events: readonly PushEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === 'warning' ? event.code : []));
}

const missing = requireTool('docker-registry');

describe.each([
  ['a registry with a referrers API', false, () => startRegistry()],
  ['docker-registry, which has none', missing, () => startDebianRegistry()],
] as const)('%s', (name, isAbsent, start: () => Promise<WatchedRegistry>) => {
  const hasAPI = name.endsWith('API');
  const fallbackTag = ({ manifest }: SourceArtifact): string => manifest.digest.replace(':', '-');

  test.skipIf(isAbsent)(
    'an artifact is attached under its digest, listed, and attached again for nothing',
    async () => {
      await using bench = await benchAt(await start());
      const subject = await chart('one');
      const sbom = await sbomOf(subject);
      digestOf(await bench.push(subject, 'demo/app:1'));
      const results = await bench.push(sbom, `demo/app@${sbom.manifest.digest}`);
      expect(digestOf(results)).toBe(sbom.manifest.digest);
      expect(results[0]).toMatchObject({ unchanged: false, reference: { tag: undefined } });
      const listed = {
        ...descriptorOf(sbom),
        artifactType: 'application/spdx+json',
        annotations: { made: 'by hand' },
      };
      expect(await referrersOf(bench, subject)).toEqual([listed]);
      await using registry = openRegistry({ url: bench.registry.url });
      const tags: string[] = [];
      for await (const tag of registry.repository('demo/app').listTags()) tags.push(tag);
      expect(tags.toSorted()).toEqual(hasAPI ? ['1'] : ['1', fallbackTag(subject)]);
      bench.requests();
      const [again] = await bench.push(sbom, `demo/app@${sbom.manifest.digest}`);
      expect(again).toMatchObject({ ok: true, unchanged: true });
      expect(bench.requests().filter((request) => request.startsWith('P'))).toEqual([]);
      expect(await referrersOf(bench, subject)).toEqual([listed]);
      expect(warningsOf(bench.events)).toEqual([]);
    },
  );

  test.skipIf(isAbsent)('an entry of an index that is about another entry is listed', async () => {
    await using bench = await benchAt(await start());
    const subject = await chart('in an index');
    const sbom = await sbomOf(subject);
    const { mediaType, digest, bytes } = buildIndex({ manifests: [descriptorOf(subject), descriptorOf(sbom)] });
    const index: SourceIndex = {
      kind: 'index',
      names: [],
      manifest: { mediaType, digest, bytes },
      children: [subject, sbom].map((item) => ({ item, descriptor: descriptorOf(item) })),
    };
    digestOf(await bench.push(index, 'demo/app:all'));
    expect(await referrersOf(bench, subject)).toMatchObject([{ digest: sbom.manifest.digest }]);
  });
});

describe('a subject that the repository does not have', () => {
  const attach = async (bench: Bench, options?: { readonly requireSubject?: boolean; readonly dryRun?: boolean }) => {
    const sbom = await sbomOf(await chart('elsewhere'));
    const results: readonly PushResult[] = await bench.push(sbom, 'demo/app:sbom', options);
    return results[0];
  };

  test('is told, and changes nothing', async () => {
    await using bench = await openBench();
    expect(await attach(bench)).toMatchObject({ ok: true });
    expect(warningsOf(bench.events)).toEqual(['subject-missing']);
    expect(bench.registry.tags('demo/app')).toEqual(['sbom']);
  });

  test.each([true, false])('ends the push where it has to be there (dry run: %s)', async (dryRun) => {
    await using bench = await openBench();
    expect(await attach(bench, { requireSubject: true, dryRun })).toMatchObject({
      ok: false,
      error: { code: 'ERR_PUSH_NO_SUBJECT', message: expect.stringContaining('does not have the subject sha256:') },
    });
    expect(bench.requests().filter((request) => request.startsWith('P'))).toEqual([]);
  });

  test('is taken to be there where the registry does not say', async () => {
    await using bench = await openBench({ attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, times: 1, status: 403 });
    expect(await attach(bench, { requireSubject: true })).toMatchObject({ ok: true });
  });

  test('is none where the index itself has it', async () => {
    await using bench = await openBench();
    const child = await chart('child');
    const manifests = [descriptorOf(child)];
    const { mediaType, digest, bytes } = buildIndex({ manifests, subject: descriptorOf(child) });
    const children = [{ item: child, descriptor: descriptorOf(child) }];
    const index: SourceIndex = { kind: 'index', names: [], manifest: { mediaType, digest, bytes }, children };
    expect(digestOf(await bench.push(index, 'demo/app:own', { requireSubject: true }))).toBe(digest);
    expect(warningsOf(bench.events)).toEqual([]);
  });
});

describe('a big file', () => {
  const chunkSize = 65_536;
  const bytes = noiseBytes(300_000);

  test('goes in chunks, and on from where the registry has got to', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'model.bin');
    await writeFile(path, bytes);
    await using bench = await openBench({ chunkSize, attempts: 1 });
    bench.registry.misbehave({ match: { kind: 'upload-patch' }, after: 3, times: 1, status: 503 });
    const artifact = await artifactOf({ files: [path] });
    expect((await bench.push(artifact, 'demo/app:1'))[0]).toMatchObject({ ok: false });
    expect(bench.registry.sessions()).toMatchObject([{ offset: 3 * chunkSize }]);
    digestOf(await bench.push(artifact, 'demo/app:1'));
    const resumed = bench.events.find(({ type }) => type === 'blob:resumed');
    expect(resumed).toMatchObject({ offset: 3 * chunkSize, size: bytes.byteLength });
    await bench.registry.verify();
  });

  test('that is another by now is not sent to its end', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'model.bin');
    await writeFile(path, bytes);
    await using bench = await openBench({ chunkSize });
    const artifact = await artifactOf({ files: [path], artifactType: mediaTypes.ociEmpty });
    await writeFile(`${path}.new`, bytes.toReversed());
    await rename(`${path}.new`, path);
    const [result] = await bench.push(artifact, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'source', cause: { code: 'ERR_SOURCE_CHANGED' } } });
    expect(bench.registry.hasBlob('demo/app', digestBytes(bytes))).toBe(false);
    expect(bench.registry.tags('demo/app')).toEqual([]);
  });
});
