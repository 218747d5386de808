import { digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { openRegistry } from '@slipway/registry-client';
import { type EmbeddedRegistry, type Misbehaviour, startRegistry } from '@slipway/testkit';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { PushEvent, PushResult } from '../src/index.ts';
import { arrivals, benchAt, imageOf, noiseBytes, plainLayer, textBytes } from './setup.ts';

/** What a registry may do wrong to one request, and then be well again. */
const deeds = fc.oneof(
  fc
    .constantFrom(400, 401, 403, 404, 408, 409, 416, 429, 500, 502, 503, 504)
    .map((status): Misbehaviour => ({ status, headers: status === 429 ? { 'retry-after': '0' } : undefined })),
  fc.constantFrom<Misbehaviour>(
    { reset: true },
    { dropResponse: true },
    { dropAfter: 1 },
    { dropAfter: 20_000 },
    { truncateAfter: 5 },
    { delayMs: 15 },
    { delayAnswerMs: 15 },
    { wrongDigest: true },
    { omitHeaders: ['docker-content-digest', 'range', 'content-length'] },
    { omitHeaders: ['location'] },
    // A yes, or a no, without the work.
    { status: 200, body: '' },
    { status: 201, body: '' },
    { status: 202, body: '' },
    { status: 200, body: '<html>Welcome to the hotel</html>' },
    { status: 404, body: { errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown to registry' }] } },
    { status: 400, body: { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown to registry' }] } },
  ),
);
const kinds = fc.constantFrom<Misbehaviour['match']>(
  undefined,
  { kind: 'upload-start' },
  { kind: 'mount' },
  { kind: 'upload-patch' },
  { kind: 'upload-put' },
  { kind: 'upload-status' },
  { kind: 'manifest-put' },
  { kind: 'manifest-head' },
  { kind: 'manifest-get' },
  { kind: 'blob-head' },
);
const rules = fc
  // A rule without `times` holds as long as the push.
  .tuple(kinds, deeds, fc.integer({ min: 0, max: 3 }), fc.constantFrom(1, 2, 3, undefined))
  .map(([match, deed, after, times]): Misbehaviour => ({ ...deed, match, after, times }));

const runs = fc.record({
  rules: fc.array(rules, { maxLength: 4 }),
  /** Cancel at the event of this number. */
  cancelAt: fc.option(fc.integer({ min: 0, max: 25 }), { nil: undefined, freq: 2 }),
  /** Throw at the events that this divides. */
  throwAt: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined, freq: 3 }),
  chunkSize: fc.constantFrom(undefined, 16_384),
  destinations: fc.constantFrom<readonly string[]>(
    ['demo/app:1'],
    ['demo/app:1', 'demo/app:2'],
    ['demo/app:1', 'other/app:1'],
  ),
  /** Push a neighbour first, so that the store has claims and the registry has layers to mount. */
  isKnown: fc.boolean(),
});

const shared = plainLayer(noiseBytes(50_000));
const image: SourceImage = imageOf([shared, plainLayer(textBytes(1, 30_000)), plainLayer(textBytes(2, 400))]);
const neighbour = imageOf([shared], { comment: 'neighbour' });

const seeds = [13, 14, 15, 16, 17, 18];
const runsOfSeed = 50;

/** Listeners that throw are told as warnings; this test throws in hundreds of them. */
const printers = process.listeners('warning');
process.removeAllListeners('warning');
afterAll(() => {
  for (const printer of printers) process.on('warning', printer);
});

test('whatever the registry, the listener and the caller do: ok is a tag that can be pulled, and nothing works on', async () => {
  const seen = { pushed: 0, failed: 0, cancelled: 0 };
  const property = fc.asyncProperty(runs, async (run) => {
    const registry = await startRegistry();
    await using bench = await benchAt(registry, {
      chunkSize: run.chunkSize,
      metadataStore: createMemoryMetadataStore(),
    });
    if (run.isKnown) await bench.push(neighbour, 'demo/base:1');
    const active = run.rules.map((rule) => registry.misbehave(rule));
    const outcome = await pushOnce(bench, run);

    await arrivals();
    const asked = registry.requests.length;
    for (const rule of active) rule.remove();
    await registry.settled();
    const late = registry.requests.slice(asked).filter(({ method }) => method !== 'DELETE');
    expect(late.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    await registry.verify();
    if (outcome === 'cancelled') {
      seen.cancelled += 1;
      return;
    }
    for (const [at, result] of outcome.entries()) {
      seen[result.ok ? 'pushed' : 'failed'] += 1;
      if (result.ok) await expectPullable(registry, run.destinations[at]!, result);
    }
  });
  // Most of a run is waiting, for the registry or before a retry: several go on at once.
  await Promise.all(seeds.map((seed) => fc.assert(property, { numRuns: runsOfSeed, seed })));
  // Faults that never, or always, end a push would try nothing.
  expect(
    Object.values(seen).every((count) => count > 20),
    `outcomes: ${JSON.stringify(seen)}`,
  ).toBe(true);
}, 180_000);

type Run = typeof runs extends fc.Arbitrary<infer Value> ? Value : never;

async function pushOnce(
  bench: Awaited<ReturnType<typeof benchAt<EmbeddedRegistry>>>,
  run: Run,
): Promise<readonly PushResult[] | 'cancelled'> {
  const abort = new AbortController();
  const reason = new Error('the caller left');
  let events = 0;
  const onEvent = (_: PushEvent): void => {
    const at = events;
    events += 1;
    if (at === run.cancelAt) abort.abort(reason);
    if (run.throwAt !== undefined && at % run.throwAt === 0) throw new Error('the listener broke');
  };
  try {
    return await bench.push(image, run.destinations, { signal: abort.signal, onEvent });
  } catch (error) {
    expect(error).toBe(reason);
    return 'cancelled';
  }
}

/** The tag has the digest that was told, and everything below it is there to its last byte. */
async function expectPullable(
  registry: EmbeddedRegistry,
  reference: string,
  result: Extract<PushResult, { readonly ok: true }>,
): Promise<void> {
  const [repository = '', tag = ''] = reference.split(':');
  await using client = openRegistry({ url: registry.url });
  const held = await client.repository(repository).getManifest(tag);
  if (held === undefined) throw new Error(`${reference} was pushed, and is not there`);
  expect(digestBytes(held.bytes)).toBe(result.digest);
  const { config, layers } = JSON.parse(new TextDecoder().decode(held.bytes));
  expect(config.digest).toBe(image.config.digest);
  expect(layers).toHaveLength(image.layers.length);
  for (const { digest } of [config, ...layers]) {
    const bytes = await registry.blobBytes(repository, digest);
    expect(bytes && digestBytes(bytes)).toBe(digest);
  }
}
