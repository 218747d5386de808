import { type RecordedSpan, recordTraces, type TraceRecording } from '@slipway/testkit/traces';
import { createTransferManager } from '@slipway/transfer';
import { expect, test } from 'vitest';
import { createPusher } from '../src/index.ts';
import { countingCompressor, digestOf, imageOf, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

const named = ({ spans }: TraceRecording, name: string): readonly RecordedSpan[] =>
  spans().filter((span) => span.name === name);

test('a span a push, a blob, a manifest and a request, each below the one it is done for', async () => {
  using recording = recordTraces();
  await using bench = await openBench();
  const results = await bench.push(randomImage(7, [3_000, 200_000]), ['demo/app:1', 'demo/app:2']);
  const { host } = bench.registry;
  const [push] = named(recording, 'push');
  expect(push).toMatchObject({ kind: 'internal', parent: undefined, error: undefined });
  const { bytesSent } = results[0]?.totals ?? {};
  expect(push?.attributes).toEqual({
    'slipway.destinations': [`${host}/demo/app:1`, `${host}/demo/app:2`],
    'slipway.bytes_sent': results.reduce((sum, { totals }) => sum + totals.bytesSent, 0),
  });
  expect(push?.events.map(({ name, attributes }) => [name, attributes['slipway.reference']])).toEqual([
    ['destination reached', `${host}/demo/app:1`],
    ['destination reached', `${host}/demo/app:2`],
  ]);
  const blobs = [...named(recording, 'push layer'), ...named(recording, 'push config')];
  expect(blobs).toHaveLength(3);
  for (const { attributes, parent } of blobs) {
    expect(parent).toBe(push?.id);
    expect(attributes).toMatchObject({ 'slipway.repository': `${host}/demo/app`, 'slipway.reason': 'sent' });
    expect(attributes['slipway.digest']).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(attributes['slipway.bytes_sent']).toBe(attributes['slipway.size']);
  }
  const sent = blobs.reduce((sum, { attributes }) => sum + Number(attributes['slipway.bytes_sent']), 0);
  expect(sent).toBe(bytesSent);
  expect(named(recording, 'push manifest').map(({ attributes }) => attributes)).toMatchObject(
    ['1', '2'].map((tag) => ({
      'slipway.tag': tag,
      'slipway.digest': digestOf(results),
      'slipway.media_type': 'application/vnd.docker.distribution.manifest.v2+json',
      'slipway.reason': 'sent',
    })),
  );
  const ways = recording
    .spans()
    .filter(({ kind }) => kind === 'client')
    .map((span) => recording.way(span).join(' < '));
  for (const way of ways) expect(way).toMatch(/^[A-Z]+ < (push (layer|config|manifest) < )?push$/);
  expect(ways).toContain('PUT < push config < push');
  expect(ways).toContain('PUT < push manifest < push');
  expect(new Set(recording.spans().map(({ traceID }) => traceID)).size).toBe(1);
});

test('why nothing was sent: there, or mounted', async () => {
  const shared = plainLayer(textBytes(5, 60_000));
  await using bench = await openBench();
  await bench.push(imageOf([shared], { comment: 'one' }), 'demo/base:1');
  using recording = recordTraces();
  await bench.push(imageOf([shared], { comment: 'two' }), 'demo/base:2');
  await bench.push(imageOf([shared], { comment: 'three' }), 'demo/other:1');
  const told = named(recording, 'push layer').map(({ attributes }) => attributes);
  expect(told).toMatchObject([
    { 'slipway.reason': 'exists', 'slipway.bytes_sent': 0 },
    { 'slipway.reason': 'mounted', 'slipway.blob.mounted_from': 'demo/base', 'slipway.bytes_sent': 0 },
  ]);
});

test('a retry is an event with a code, and a failure marks blob and push, without a message', async () => {
  using recording = recordTraces();
  await using bench = await openBench({ attempts: 2 });
  bench.registry.misbehave({ match: { kind: ['upload-start', 'mount'] }, status: 503 });
  const [result] = await bench.push(imageOf([plainLayer(textBytes(9, 2_000))]), 'demo/app:1');
  expect(result?.ok).toBe(false);
  const [push] = named(recording, 'push');
  const blobs = recording.spans().filter(({ name }) => /^push (layer|config)$/.test(name));
  expect(push).toMatchObject({ error: 'ERR_PUSH_FAILED', attributes: { 'error.type': 'ERR_PUSH_FAILED' } });
  expect(push?.events).toMatchObject([{ name: 'destination failed', attributes: { 'error.type': 'ERR_PUSH_FAILED' } }]);
  expect(blobs.some(({ error }) => error === 'ERR_PUSH_FAILED')).toBe(true);
  const retries = blobs.flatMap(({ events }) => events.filter(({ name }) => name === 'retry'));
  expect(retries[0]?.attributes).toEqual({ 'slipway.attempt': 1, 'error.type': 'ERR_REGISTRY_UNAVAILABLE' });
});

test('a blob that waited for a slot, or for another push, is in the trace of its own push', async () => {
  using recording = recordTraces();
  await using transfers = createTransferManager({ concurrency: 1 });
  await using bench = await openBench({ transfers });
  const gzip = countingCompressor();
  const pusher = createPusher({ transfers, gzip });
  const sizes = [30_000, 40_000, 50_000];
  await Promise.all([
    bench.push(randomImage(21, sizes), 'demo/one:1'),
    pusher.push(randomImage(22, sizes), [bench.destination('demo/two:1')]),
    pusher.push(randomImage(22, sizes), [bench.destination('demo/two:2')]),
  ]);
  const requests = recording.spans().filter(({ kind }) => kind === 'client');
  for (const request of requests) {
    const path = String(request.attributes['url.full']);
    const root = recording.spans().find(({ name, traceID }) => name === 'push' && traceID === request.traceID);
    const repository = /demo\/(one|two)/.exec(path)?.[0];
    if (repository !== undefined) expect(String(root?.attributes['slipway.destinations'])).toContain(repository);
    const [, above] = recording.way(request);
    if (/blobs\/uploads/.test(path)) expect(above).toMatch(/^push (layer|config)$/);
  }
  const two = recording
    .spans()
    .filter(({ attributes, name }) => name === 'push layer' && /two/.test(String(attributes['slipway.repository'])));
  expect(two).toHaveLength(6);
  const joined = two.filter(({ attributes }) => attributes['slipway.blob.joined'] === true);
  expect(joined).toHaveLength(3);
  for (const { attributes } of joined) expect(attributes['slipway.bytes_sent']).toBe(0);
});

test('an aborted push ends its spans with the reason', async () => {
  using recording = recordTraces();
  await using bench = await openBench();
  const controller = new AbortController();
  const reason = Object.assign(new Error('enough'), { code: 'ENOUGH' });
  const onEvent = ({ type }: { readonly type: string }): void => {
    if (type === 'blob:progress') controller.abort(reason);
  };
  await expect(bench.push(randomImage(3), 'demo/app:1', { signal: controller.signal, onEvent })).rejects.toBe(reason);
  expect(named(recording, 'push')).toMatchObject([{ error: 'ENOUGH' }]);
  expect(named(recording, 'push layer').map(({ error }) => error)).toContain('ENOUGH');
});
