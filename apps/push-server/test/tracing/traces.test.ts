import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';
import { type CollectedSpan, type Collector, startCollector } from './collector.ts';

const traceID = '4bf92f3577b34da6a3ce929d0e0e4736';
const caller = '00f067aa0ba902b7';
const traceparent = `00-${traceID}-${caller}-01`;
const json = { 'content-type': 'application/json' };
const auth = { username: 'ann', password: 'correct-horse-battery' };

const tracingTo = (collector: Collector, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_BSP_SCHEDULE_DELAY: '20',
  ...more,
});

async function load(server: TestDaemon): Promise<void> {
  const archive = join(server.folder.path, 'app.tar');
  const image = await randomImage({ seed: 'traces', layers: [{ size: 90_000, kind: 'random' }, { size: 20_000 }] });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
  await server.request('POST', '/images/load', { body: await readFile(archive) });
}

async function submit(
  server: TestDaemon,
  registry: EmbeddedRegistry,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const destinations = [`${registry.host}/team/app:1`];
  const body = JSON.stringify({ image: 'demo/app:v1', destinations, credentials: { [registry.host]: auth } });
  const answer = await server.request('POST', '/slipway/v1/jobs', { headers: { ...json, ...headers }, body });
  const { id } = JSON.parse(answer.body) as { readonly id: string };
  await server.request('GET', `/slipway/v1/jobs/${id}/events`);
  return id;
}

const ofJob = (id: string) => (span: CollectedSpan) => span.name === 'job' && span.attributes['slipway.job.id'] === id;
const waysOf = ({ spans, way }: Collector, trace: string): ReadonlySet<string> =>
  new Set(spans.filter(({ traceID }) => traceID === trace).map((span) => way(span).join(' < ')));

test('a job is one trace from the client to the registry, by JSON', async () => {
  await using collector = await startCollector();
  await using registry = await startRegistry({ auth: { kind: 'basic', users: { [auth.username]: auth.password } } });
  await using server = await startTestDaemon(
    {},
    tracingTo(collector, {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret%20of%20the%20collector',
      OTEL_SERVICE_NAME: 'farm',
    }),
  );
  await load(server);
  const id = await submit(server, registry, { traceparent, tracestate: 'vendor=a' });
  const job = await collector.find(ofJob(id));
  await collector.find(({ name, traceID: own }) => name.startsWith('GET /slipway/v1/jobs') && own !== traceID);
  expect(job).toMatchObject({ traceID, kind: 5, service: 'farm', error: undefined });
  expect(job.attributes).toMatchObject({ 'slipway.job.state': 'pushed', 'slipway.job.attempt': 1 });
  const ways = waysOf(collector, traceID);
  const root = 'POST /slipway/v1/jobs';
  for (const way of [
    `job wait < job < ${root}`,
    `push < job < ${root}`,
    `push layer < push < job < ${root}`,
    `push manifest < push < job < ${root}`,
    `PUT < push manifest < push < job < ${root}`,
    `PUT < push config < push < job < ${root}`,
  ])
    expect(ways).toContain(way);
  const request = collector.spans.find(({ name }) => name === root);
  expect(request).toMatchObject({ parent: caller, kind: 2, traceID });
  expect(request?.attributes).toMatchObject({ 'http.response.status_code': 201, 'http.route': '/slipway/v1/jobs' });
  const wait = collector.spans.find(({ name }) => name === 'job wait');
  expect(wait?.startMs).toBe(job.startMs);

  // The registry is told of the very requests that the collector has.
  const told = registry.requests.map(({ headers }) => headers['traceparent'] ?? '');
  const isAnswered = ({ kind, attributes }: CollectedSpan): boolean =>
    kind === 3 && 'http.response.status_code' in attributes;
  const sent = collector.spans.filter(isAnswered).map((span) => `00-${traceID}-${span.id}-01`);
  expect(told.toSorted()).toEqual(sent.toSorted());
  expect(registry.requests.every(({ headers }) => headers['tracestate'] === 'vendor=a')).toBe(true);

  expect(collector.deliveries[0]).toMatchObject({
    'content-type': 'application/json',
    'x-key': 'secret of the collector',
  });
  const all = JSON.stringify([collector.spans, server.log]);
  for (const secret of [auth.password, btoa(`ann:${auth.password}`), 'of the collector'])
    expect(all).not.toContain(secret);
});

test('docker push is one, by protocol buffers and compressed; the log names it', async () => {
  await using collector = await startCollector();
  await using registry = await startRegistry();
  await using server = await startTestDaemon({}, tracingTo(collector, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }));
  await load(server);
  const name = `${registry.host}/team/app`;
  await server.request('POST', `/images/demo%2Fapp:v1/tag?repo=${encodeURIComponent(name)}&tag=2`);
  const headers = { traceparent, 'x-registry-auth': Buffer.from('{}').toString('base64url') };
  const answer = await server.request('POST', `/v1.43/images/${encodeURIComponent(name)}/push?tag=2`, { headers });
  expect(answer.body).toContain('"Tag":"2"');
  const request = await collector.find(({ kind, traceID: own }) => kind === 2 && own === traceID);
  expect(request.attributes).toMatchObject({ 'url.path': `/v1.43/images/${encodeURIComponent(name)}/push` });
  const { name: root } = request;
  expect(waysOf(collector, traceID)).toContain(`PUT < push manifest < push < ${root}`);
  const [layer] = collector.spans.filter(({ name: own }) => own === 'push layer');
  expect(layer?.attributes).toMatchObject({ 'slipway.repository': name, 'slipway.reason': 'sent' });
  expect(collector.deliveries[0]).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
  });
  const line = server.log.find(({ audit }) => (audit as { action?: string } | undefined)?.action === 'push');
  expect(line).toMatchObject({ traceId: traceID });
});

describe('what a stranger says of a trace', () => {
  test.each([
    ['zeros', `00-${'0'.repeat(32)}-${caller}-01`],
    ['two of them', `${traceparent}, ${traceparent}`],
    ['another version', traceparent.replace('00-', 'ff-')],
    ['a line that goes on', `${traceparent} x`],
    ['a long one', 'a'.repeat(8_000)],
    ['nothing', ''],
  ])('%s: the job has a trace of its own', async (_name, given) => {
    await using collector = await startCollector();
    await using registry = await startRegistry();
    await using server = await startTestDaemon({}, tracingTo(collector));
    await load(server);
    const id = await submit(server, registry, { traceparent: given, tracestate: 'x'.repeat(600) });
    const job = await collector.find(ofJob(id));
    expect(job.traceID).not.toBe(traceID);
    const root = collector.spans.find((span) => span.id === job.parent);
    expect(root).toMatchObject({ name: 'POST /slipway/v1/jobs', parent: '' });
  });

  test('one that wants no record gets none, and the job runs', async () => {
    await using collector = await startCollector();
    await using registry = await startRegistry();
    await using server = await startTestDaemon({}, tracingTo(collector));
    await load(server);
    await submit(server, registry, { traceparent: traceparent.replace(/01$/, '00') });
    const later = await submit(server, registry);
    await collector.find(ofJob(later));
    expect(collector.spans.filter((span) => span.traceID === traceID)).toEqual([]);
    expect(registry.requests[0]?.headers['traceparent']).toMatch(new RegExp(`^00-${traceID}-[0-9a-f]{16}-00$`));
  });

  test('nobody is asked with OTEL_PROPAGATORS=none, and nobody told', async () => {
    await using collector = await startCollector();
    await using registry = await startRegistry();
    await using server = await startTestDaemon({}, tracingTo(collector, { OTEL_PROPAGATORS: 'none' }));
    await load(server);
    const job = await collector.find(ofJob(await submit(server, registry, { traceparent })));
    expect(job.traceID).not.toBe(traceID);
    expect(registry.requests.flatMap(({ headers }) => headers['traceparent'] ?? [])).toEqual([]);
  });
});

test('a job that fails says so in its trace, with the code', async () => {
  await using collector = await startCollector();
  await using registry = await startRegistry();
  await using server = await startTestDaemon({}, tracingTo(collector));
  await load(server);
  registry.misbehave({ match: { kind: 'manifest-put' }, status: 403 });
  const id = await submit(server, registry, { traceparent });
  const job = await collector.find(ofJob(id));
  expect(job).toMatchObject({ error: 'ERR_PUSH_FAILED', attributes: { 'slipway.job.state': 'failed' } });
  const failed = collector.spans.filter((span) => span.traceID === traceID && span.error !== undefined);
  const told = failed.map(({ name, error }) => `${name}: ${error}`);
  for (const name of ['push manifest', 'push', 'job']) expect(told).toContain(`${name}: ERR_PUSH_FAILED`);
  expect(told).toContain('PUT: 403');
  expect(told.filter((each) => /layer|config|POST/.test(each))).toEqual([]);
});

test('what is asked all the time is no trace', async () => {
  await using collector = await startCollector();
  await using folder = await temporaryFolder();
  await using server = await startTestDaemon({ auditLog: join(folder.path, 'a.log') }, tracingTo(collector));
  for (const path of ['/_ping', '/v1.43/_ping', '/healthz', '/readyz', '/metrics', '/slipway/v1/status', '/slipway/']) {
    await server.request('GET', path);
  }
  await server.request('GET', '/v1.43/version');
  await server.request('GET', '/no/such/thing');
  await collector.find((span) => span.attributes['url.path'] === '/no/such/thing');
  expect(collector.spans.map(({ name }) => name)).toEqual(['GET /version', 'GET']);
});
