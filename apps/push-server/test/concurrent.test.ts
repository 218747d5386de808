import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { shortDigest } from '@slipway/digest';
import { type EmbeddedRegistry, randomImage, randomLayer, startRegistry, writeDockerArchive } from '@slipway/testkit';
import Docker from 'dockerode';
import { expect, test } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

const pushes = 20;

test('twenty pushes of images that share layers: each blob goes up once, and memory stays flat', async () => {
  await using server = await startTestDaemon({ concurrency: 8 });
  await using registry = await startRegistry();
  const shared = [
    await randomLayer({ seed: 'shared-0', size: 6_000_000, kind: 'random' }),
    await randomLayer({ seed: 'shared-1', size: 2_000_000, kind: 'random' }),
  ];
  const images = await Promise.all(
    Array.from({ length: pushes }, async (_, at) => ({
      image: await randomImage({
        seed: `own-${at}`,
        layers: [...shared, await randomLayer({ seed: at, size: 50_000 })],
      }),
      references: [`${registry.host}/fleet/app:v${at}`],
    })),
  );
  await load(server, images);
  const client = dockerode(server);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 5);
  const streams = await Promise.all(
    images.map(({ references }) => client.getImage(references[0] ?? '').push({ authconfig: {} })),
  );
  const outcomes = await Promise.all(streams.map((stream) => followed(client, stream)));
  clearInterval(sampling);

  for (const records of outcomes) {
    expect(records.filter((record) => 'error' in record)).toEqual([]);
    expect(records.at(-1)).toMatchObject({ aux: { Digest: expect.stringMatching(/^sha256:/) } });
  }
  await registry.settled();
  await registry.verify();
  expect(registry.tags('fleet/app')).toHaveLength(pushes);
  // Two shared layers, and of each image a layer and a config.
  expect(uploadsOf(registry)).toHaveLength(2 + 2 * pushes);
  // The chunks in flight, not the layers of twenty pushes (the registry of this test keeps 10 MB of them in memory
  // itself).
  expect(most).toBeLessThan(60_000_000);
});

test('a client that is killed takes nothing from the others who wait for the same layers', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry();
  const layer = await randomLayer({ seed: 'big', size: 3_000_000, kind: 'random' });
  const images = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => ({
      image: await randomImage({ seed: name, layers: [layer] }),
      references: [`${registry.host}/kill/app:${name}`],
    })),
  );
  await load(server, images);
  // The upload begins, and is then held back until the first client has gone.
  const held = registry.misbehave({ match: { kind: ['mount', 'upload-start'] }, delayMs: 500, times: 2 });
  const [victim, ...others] = images.map(({ references }) => push(server, references[0] ?? ''));
  if (victim === undefined) throw new Error('unreachable');
  await expect.poll(() => held.hits, { timeout: 10_000 }).toBeGreaterThan(0);
  for (const other of others) await other.begun;
  victim.request.destroy();
  await expect(victim.body).rejects.toThrow();
  const bodies = await Promise.all(others.map(({ body }) => body));

  for (const body of bodies) {
    const records = recordsOf(body);
    expect(records.filter((record) => 'error' in record)).toEqual([]);
    expect(records.filter(({ id, status }) => id === shortDigest(layer.diffID) && status === 'Pushed')).toHaveLength(1);
  }
  expect([...registry.tags('kill/app')].sort()).toEqual(['b', 'c']);
  await registry.settled();
  // One layer, and the configs of the two; that of the victim may or may not have been begun.
  expect(uploadsOf(registry).length).toBeLessThanOrEqual(4);
  await expect
    .poll(() =>
      server
        .audits()
        .filter(({ action }) => action === 'push')
        .map(({ outcome }) => outcome)
        .sort(),
    )
    .toEqual(['cancelled', 'done', 'done']);
});

test('when everybody has left, the upload is given up', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry();
  const layer = await randomLayer({ seed: 'big', size: 3_000_000, kind: 'random' });
  const reference = `${registry.host}/left/app:a`;
  await load(server, [{ image: await randomImage({ seed: 'left', layers: [layer] }), references: [reference] }]);
  const held = registry.misbehave({ match: { kind: ['mount', 'upload-start'] }, delayMs: 500 });
  const only = push(server, reference);
  await expect.poll(() => held.hits, { timeout: 10_000 }).toBeGreaterThan(0);
  only.request.destroy();
  await expect(only.body).rejects.toThrow();
  await expect.poll(() => server.daemon.context.activity.running('push'), { timeout: 10_000 }).toBe(0);
  expect(registry.tags('left/app')).toEqual([]);
});

test('pushes with other credentials share nothing: nobody inherits a refusal', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry({
    auth: { kind: 'bearer', users: { good: 'g', bad: 'b' }, allow: (user) => user === 'good' },
  });
  const reference = `${registry.host}/mixed/app:a`;
  await load(server, [{ image: await randomImage({ seed: 'mixed' }), references: [reference] }]);
  const results = await Promise.all(
    ['bad', 'good', 'bad', 'good'].map(async (user) => {
      const auth = Buffer.from(JSON.stringify({ username: user, password: user[0] })).toString('base64url');
      return await push(server, reference, { 'x-registry-auth': auth }).body;
    }),
  );
  expect(results.map((body) => body.includes('"error"'))).toEqual([true, false, true, false]);
});

test('dockerode push with followProgress sees every step, and the error of a failed one', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry();
  const reference = `${registry.host}/rode/app:v1`;
  await load(server, [{ image: await randomImage({ seed: 'rode' }), references: [reference] }]);
  const client = dockerode(server);
  const records = await followed(client, await client.getImage(reference).push({ authconfig: {} }));
  expect(records.map(({ status }) => status).filter(Boolean)).toEqual(
    expect.arrayContaining([`The push refers to repository [${registry.host}/rode/app]`, 'Preparing', 'Pushed']),
  );
  await client.getImage(reference).tag({ repo: `${registry.host}/rode/other`, tag: 'x' });
  const failing = await client.getImage(`${registry.host}/rode/other:y`).push({ authconfig: {} });
  const [, last] = await followed(client, failing);
  expect(last).toMatchObject({ error: `tag does not exist: ${registry.host}/rode/other:y` });
});

function dockerode({ socket }: TestDaemon): Docker {
  return new Docker({ socketPath: socket });
}

async function load(server: TestDaemon, images: Parameters<typeof writeDockerArchive>[1]): Promise<void> {
  const path = join(server.folder.path, 'load.tar');
  await writeDockerArchive(path, images);
  const { body } = await server.request('POST', '/images/load?quiet=1', { body: await readFile(path) });
  expect(recordsOf(body)).toHaveLength(images.length);
}

interface RunningPush {
  readonly request: ClientRequest;
  /** Resolves once the layers are being prepared. */
  readonly begun: Promise<void>;
  readonly body: Promise<string>;
}

function push({ socket }: TestDaemon, reference: string, headers: Readonly<Record<string, string>> = {}): RunningPush {
  const at = reference.lastIndexOf(':');
  const path = `/v1.51/images/${reference.slice(0, at)}/push?tag=${reference.slice(at + 1)}`;
  const request = httpRequest({ socketPath: socket, method: 'POST', path, headers, agent: false });
  request.end();
  const response = once(request, 'response');
  const begun = response.then(
    ([message]) => new Promise<void>((resolve) => void message.once('data', () => resolve())),
  );
  const body = response.then(async ([message]) => await text(message));
  begun.catch(() => {});
  body.catch(() => {});
  return { request, begun, body };
}

function followed(client: Docker, stream: NodeJS.ReadableStream): Promise<readonly Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    client.modem.followProgress(stream, (error, records) => (error === null ? resolve(records) : reject(error)));
  });
}

/** Blobs that the registry took, however they were sent. */
function uploadsOf(registry: EmbeddedRegistry): readonly string[] {
  return registry.requests
    .filter(({ kind, status }) => (kind === 'upload-put' || kind === 'upload-start') && status === 201)
    .map(({ path }) => path);
}
