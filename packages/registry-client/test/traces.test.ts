import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { contentOf, digestBytes } from '@slipway/digest';
import type { CredentialProvider } from '@slipway/docker-credentials';
import { type RecordedSpan, recordTraces } from '@slipway/testkit/traces';
import { createTracer } from '@slipway/tracing';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { beginSession, collect, testBytes } from './push-through.ts';
import { afterPing, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const bytes = testBytes(70_000);
const digest = digestBytes(bytes);
const tracer = createTracer('test');
const credentials: CredentialProvider = async () => ({ kind: 'basic', username: 'ann', password: 'correct horse' });

const traced = <T>(work: () => Promise<T>): Promise<T> => tracer.span('caller', {}, work);
const parentsSeen = ({ seen }: ScriptedServer): readonly (string | undefined)[] =>
  seen.map(({ headers }) => headers['traceparent'] as string | undefined);
const textOf = (spans: readonly RecordedSpan[]): string => JSON.stringify(spans);

test('a span a request, by the conventions, and the registry is told which', async () => {
  using recording = recordTraces();
  await using server = await startScriptedServer(
    afterPing((request, response) => {
      if (request.method === 'HEAD') response.writeHead(404).end();
      else response.end(bytes);
    }),
  );
  await using registry = openRegistry({ url: server.url });
  const repository = registry.repository('team/app');
  await traced(async () => {
    expect(await repository.statBlob(digest)).toBeUndefined();
    await collect(repository.openBlob(digest));
  });
  const [ping, head, get, caller] = recording.spans();
  const common = { 'server.address': '127.0.0.1', 'server.port': server.port, 'http.request.body.size': 0 };
  expect(head).toMatchObject({ name: 'HEAD', kind: 'client', parent: caller?.id, error: undefined });
  expect(head?.attributes).toEqual({
    ...common,
    'http.request.method': 'HEAD',
    'url.full': `${server.url}/v2/team/app/blobs/${digest}`,
    'http.response.status_code': 404,
    'http.response.body.size': 0,
  });
  expect(get?.attributes).toMatchObject({ 'http.response.status_code': 200, 'http.response.body.size': 70_000 });
  expect(ping?.attributes['url.full']).toBe(`${server.url}/v2/`);
  const all = [ping, head, get].map((span) => `00-${span?.traceID}-${span?.id}-01`);
  expect(parentsSeen(server)).toEqual(all);
});

test('what the registry refuses, and what does not answer, fails its span with a code', async () => {
  using recording = recordTraces();
  const gone = await startScriptedServer((_, response) => void response.end());
  await using server = await startScriptedServer(afterPing((_, response) => void response.writeHead(500).end()));
  await using registry = openRegistry({ url: server.url });
  await expect(registry.repository('a').getManifest('1')).rejects.toThrow();
  await gone[Symbol.asyncDispose]();
  await using absent = openRegistry({ url: gone.url });
  await expect(absent.repository('a').getManifest('1')).rejects.toThrow();
  const [, refused, unreachable] = recording.spans();
  expect(refused).toMatchObject({ error: '500', attributes: { 'error.type': '500' } });
  expect(unreachable).toMatchObject({
    error: 'ERR_REGISTRY_UNREACHABLE',
    attributes: { 'error.type': 'ERR_REGISTRY_UNREACHABLE', 'slipway.error.reason': 'ECONNREFUSED' },
  });
  expect(unreachable?.attributes).not.toHaveProperty('http.response.status_code');
});

describe('who is told of the trace', () => {
  test('no storage that an upload or a redirect leads to, and no token server', async () => {
    using recording = recordTraces();
    await using storage = await startScriptedServer(async (request, response) => {
      await request.read();
      if (request.url.startsWith('/token')) response.end(JSON.stringify({ token: 'secret-token-of-ann' }));
      else if (request.method === 'PUT') response.writeHead(201).end();
      else response.end(bytes);
    });
    await using server = await startScriptedServer((request, response) => {
      request.raw.resume();
      if (request.headers.authorization === undefined) {
        const challenge = `Bearer realm="${storage.url}/token",service="s"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      } else if (request.method === 'POST') {
        response.writeHead(202, { location: `${storage.url}/upload?_state=secret-state` }).end();
      } else response.writeHead(307, { location: `${storage.url}/data?signature=secret-signature` }).end();
    });
    await using registry = openRegistry({ url: server.url, credentials });
    const repository = registry.repository('a');
    await traced(async () => {
      await collect(repository.openBlob(digest));
      await (await beginSession(repository)).put(contentOf(bytes), digest);
    });
    expect(parentsSeen(server)).not.toContain(undefined);
    expect(storage.seen.length).toBeGreaterThanOrEqual(3);
    for (const { headers } of storage.seen) expect(Object.keys(headers).join()).not.toMatch(/traceparent|tracestate/);
    expect(textOf(recording.spans())).not.toMatch(/secret|correct|Basic|Bearer/);
    const redirected = recording.spans().filter(({ attributes }) => String(attributes['url.full']).endsWith('/data'));
    expect(redirected).toMatchObject([{ attributes: { 'http.request.resend_count': 1 } }]);
  });

  test('nobody is told what the application notes of its users', async () => {
    using _recording = recordTraces();
    await using server = await startScriptedServer(afterPing((_, response) => void response.end(bytes)));
    await using registry = openRegistry({ url: server.url });
    const baggage = propagation.createBaggage({ user: { value: 'ann' } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
      traced(() => collect(registry.repository('a').openBlob(digest))),
    );
    for (const { headers } of server.seen) {
      expect(headers['traceparent']).toBeDefined();
      expect(headers['baggage']).toBeUndefined();
    }
  });
});

test('what a body is read from belongs to the request that carries it, whoever has the socket read it', async () => {
  using recording = recordTraces();
  await using server = await startScriptedServer(async (request, response) => {
    await request.read();
    if (request.method === 'POST') response.writeHead(202, { location: '/v2/a/blobs/uploads/1' }).end();
    else if (request.method === 'PUT') response.writeHead(201).end();
    else response.end();
  });
  await using registry = openRegistry({ url: server.url, connections: 1 });
  await traced(async () => {
    const sessions = [1, 2, 3].map(async (number) => {
      const session = await tracer.span(`session ${number}`, {}, () => beginSession(registry.repository('a')));
      await tracer.span(`upload ${number}`, {}, () =>
        session.put(
          {
            size: bytes.byteLength,
            async *open() {
              for (let at = 0; at < bytes.byteLength; at += 10_000) {
                yield await tracer.span(`read ${number}`, {}, async () => bytes.subarray(at, at + 10_000));
              }
            },
          },
          digest,
        ),
      );
    });
    await Promise.all(sessions);
  });
  const reads = recording.spans().filter(({ name }) => name.startsWith('read'));
  expect(reads).toHaveLength(21);
  for (const read of reads) {
    expect(recording.way(read)).toEqual([read.name, 'PUT', read.name.replace('read', 'upload'), 'caller']);
  }
});

test('without an SDK nothing is told', async () => {
  await using server = await startScriptedServer(afterPing((_, response) => void response.end(bytes)));
  await using registry = openRegistry({ url: server.url });
  await traced(() => collect(registry.repository('a').openBlob(digest)));
  expect(server.seen.flatMap(({ headers }) => Object.keys(headers)).join()).not.toMatch(/trace|baggage|b3/);
});

test('a tracer, a propagator and a context manager that misbehave change nothing', async () => {
  await using server = await startScriptedServer(afterPing((_, response) => void response.end(bytes)));
  await using registry = openRegistry({ url: server.url });
  const broken = (): never => {
    throw new Error('broken tracer');
  };
  const span = { spanContext: broken, setAttribute: broken, setAttributes: broken, setStatus: broken, end: broken };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => span, startActiveSpan: broken }) as never });
  propagation.setGlobalPropagator({
    inject: (_context, carrier) => {
      const wrong = {
        host: 'elsewhere',
        Authorization: 'Basic x',
        'content-length': '7',
        'a b': 'c',
        x: 'line\nbreak',
      };
      Object.assign(carrier as object, wrong, { long: 'x'.repeat(100_000), number: 7, fine: 'yes' });
    },
    extract: broken,
    fields: () => [],
  });
  context.setGlobalContextManager({
    active: () => ROOT_CONTEXT,
    with(_context, work, thisArg, ...args) {
      work.call(thisArg as never, ...args);
      throw new Error('broken context manager');
    },
    bind: broken,
    enable: broken,
    disable: () => context as never,
  });
  try {
    expect(await collect(registry.repository('a').openBlob(digest))).toEqual(bytes);
    const { headers } = server.seen.at(-1) ?? {};
    expect(headers).toMatchObject({ host: `127.0.0.1:${server.port}`, fine: 'yes' });
    for (const name of ['authorization', 'x', 'long', 'number']) expect(headers).not.toHaveProperty(name);
  } finally {
    trace.disable();
    propagation.disable();
    context.disable();
  }
});
