import { type ArtifactParts, artifactFrom, type SourceArtifact } from '@slipway/image-source';
import type { Descriptor } from '@slipway/manifest';
import { openRegistry, referrersTag } from '@slipway/registry-client';
import { startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { type Bench, benchAt, digestOf, openBench } from './setup.ts';

async function artifactOf(parts: ArtifactParts): Promise<SourceArtifact> {
  await using source = await artifactFrom(parts).open();
  const [item] = source.items;
  if (item?.kind !== 'artifact') throw new Error(`expected an artifact, got ${item?.kind}`);
  return item;
}

function descriptorOf({ manifest: { mediaType, digest, bytes } }: SourceArtifact): Descriptor {
  return { mediaType, digest, size: bytes.byteLength };
}

const chart = await artifactOf({ files: [{ title: 'chart', content: 'c' }], artifactType: 'application/x-chart' });
const { digest } = chart.manifest;
const bom = await artifactOf({
  files: [{ title: 'bom', content: 'b' }],
  artifactType: 'application/x-bom',
  subject: descriptorOf(chart),
});
const fallback = referrersTag(digest);
const withReferrer: SourceArtifact = {
  ...chart,
  referrers: [{ item: bom, tag: undefined, descriptor: descriptorOf(bom) }],
};

/** A registry that answers no `OCI-Subject`, as it has no referrers API. */
const withoutApi = async (): Promise<Bench> => benchAt(await startRegistry({ quirks: { referrers: false } }));

const warnings = ({ events }: Bench): readonly string[] =>
  events.flatMap((event) => (event.type === 'warning' ? event.code : []));

async function listed({ registry: { url } }: Bench): Promise<readonly string[]> {
  await using registry = openRegistry({ url });
  return (await registry.repository('demo/app').listReferrers(digest)).map((descriptor) => descriptor.digest);
}

const asked = ({ registry }: Bench): number =>
  registry.requests.filter(({ path }) => path.includes('/referrers/')).length;

describe('a registry that answers OCI-Subject', () => {
  test.each([true, false])(
    'is not asked whether it lists the artifact (has to be listed: %s)',
    async (requireSubject) => {
      await using bench = await openBench();
      digestOf(await bench.push(chart, 'demo/app:1'));
      bench.registry.misbehave({ match: { kind: 'referrers' }, status: 403 });
      digestOf(await bench.push(bom, `demo/app@${bom.manifest.digest}`, { requireSubject }));
      expect(asked(bench)).toBe(0);
      expect(warnings(bench)).toEqual([]);
      expect(bench.registry.tags('demo/app')).toEqual(['1']);
    },
  );

  test('and names another subject is asked', async () => {
    await using bench = await openBench();
    digestOf(await bench.push(chart, 'demo/app:1'));
    const other = `sha256:${'0'.repeat(64)}`;
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, headers: { 'OCI-Subject': other } });
    digestOf(await bench.push(bom, 'demo/app:bom'));
    expect(asked(bench)).toBe(1);
    expect(await listed(bench)).toEqual([bom.manifest.digest]);
  });
});

describe('a referrers API that is refused or fails', () => {
  test.each([401, 403, 500, 502])(
    '%i: the fallback tag lists the artifact, and the question costs one request',
    async (status) => {
      await using bench = await withoutApi();
      digestOf(await bench.push(chart, 'demo/app:1'));
      const refusal = bench.registry.misbehave({ match: { kind: 'referrers' }, status });
      const reference = `demo/app@${bom.manifest.digest}`;
      digestOf(await bench.push(bom, reference, { requireSubject: true }));
      expect(asked(bench)).toBe(1);
      expect(warnings(bench)).toEqual([]);
      refusal.remove();
      expect(await listed(bench)).toEqual([bom.manifest.digest]);
    },
  );

  test('429 is waited for', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, headers: { 'OCI-Subject': 'nothing' } });
    bench.registry.misbehave({ match: { kind: 'referrers' }, times: 2, status: 429 });
    digestOf(await bench.push(bom, 'demo/app:bom'));
    expect(asked(bench)).toBe(3);
    expect(bench.registry.tags('demo/app')).toEqual(['bom']);
  });
});

describe('a fallback tag that is refused', () => {
  const refuse = (bench: Bench, status: number): void => {
    bench.registry.misbehave({ match: { kind: 'manifest-put', path: new RegExp(fallback) }, status });
  };

  test.each([400, 403, 409, 500])(
    '%i: what has the subject is pushed, and it is told that it is not listed',
    async (status) => {
      await using bench = await withoutApi();
      refuse(bench, status);
      digestOf(await bench.push(bom, 'demo/app:bom'));
      expect(bench.registry.tags('demo/app')).toEqual(['bom']);
      expect(new Set(warnings(bench))).toEqual(
        new Set(['subject-missing', ...(status === 500 ? ['manifest-retry'] : []), 'referrer-not-listed']),
      );
    },
  );

  test('an image gets its tag though its referrers are not listed', async () => {
    await using bench = await withoutApi();
    refuse(bench, 403);
    digestOf(await bench.push(withReferrer, 'demo/app:1'));
    expect(bench.registry.tags('demo/app')).toEqual(['1']);
    expect(warnings(bench)).toEqual(['referrer-not-listed']);
  });

  test('fails for what is to be found by its subject: its digest is told', async () => {
    await using bench = await withoutApi();
    digestOf(await bench.push(chart, 'demo/app:1'));
    refuse(bench, 403);
    const [result] = await bench.push(bom, 'demo/app:bom', { requireSubject: true });
    expect(result).toMatchObject({
      ok: false,
      error: {
        code: 'ERR_PUSH_FAILED',
        message: expect.stringContaining(`list ${bom.manifest.digest} as a referrer of ${digest}`),
        hint: expect.stringContaining('is stored there'),
        cause: { status: 403 },
      },
    });
    expect(bench.registry.tags('demo/app')).toEqual(['1', 'bom']);
  });
});

test('where the fallback tag names the subject itself, an artifact for that subject is not taken for listed', async () => {
  await using bench = await benchAt(await startRegistry({ quirks: 'gitlab' }));
  digestOf(await bench.push(chart, 'demo/app:1'));
  const [result] = await bench.push(bom, 'demo/app:bom', { requireSubject: true });
  expect(result).toMatchObject({ ok: false, error: { message: expect.stringContaining('takes the tag sha256-') } });
});
