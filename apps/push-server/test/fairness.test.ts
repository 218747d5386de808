import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedRegistry, randomImage, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon } from './daemon-fixture.ts';
import { untilHit } from './until-hit.ts';

let stalled: EmbeddedRegistry;
let healthy: EmbeddedRegistry;
let server: TestDaemon;
beforeEach(async () => {
  [stalled, healthy] = await Promise.all([startRegistry(), startRegistry()]);
  server = await startTestDaemon({ concurrency: 2, jobConcurrency: 8 });
  // More large layers than there are slots.
  const layers = Array.from({ length: 4 }, () => ({ size: 5_000_000, kind: 'random' }) as const);
  const archive = join(server.folder.path, 'app.tar');
  const references = [stalled, healthy].map(({ host }) => `${host}/a/app:1`);
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'fair', layers }), references }]);
  await server.request('POST', '/images/load?quiet=1', { body: await readFile(archive) });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all([stalled[Symbol.asyncDispose](), healthy[Symbol.asyncDispose]()]);
});

interface Status {
  readonly slots: {
    readonly transfers: readonly { readonly registry: string; readonly active: number; readonly waiting: number }[];
    readonly jobs: { readonly registries: Readonly<Record<string, number>> };
  };
}

const submit = (destination: string): ReturnType<TestDaemon['request']> =>
  server.request('POST', '/slipway/v1/jobs', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: `${healthy.host}/a/app:1`, destinations: [destination] }),
  });

test('a registry that does not answer stops neither the docker pushes nor the jobs to another', async () => {
  const stall = stalled.misbehave({ match: { kind: 'upload-put' }, stall: true });
  const hanging = server.request('POST', `/images/${stalled.host}/a/app/push?tag=1`);
  hanging.catch(() => {}); // ends with the daemon
  await untilHit(stall, 2);
  for (let at = 0; at < 12; at += 1) expect((await submit(`${stalled.host}/job-${at}/app:1`)).status).toBe(201);
  const status = async (): Promise<Status> => JSON.parse((await server.request('GET', '/slipway/v1/status')).body);
  await vi.waitFor(async () => expect((await status()).slots.jobs.registries).toEqual({ [stalled.host]: 4 }), {
    timeout: 20_000,
  });

  const pushed = await server.request('POST', `/images/${healthy.host}/a/app/push?tag=1`);
  expect(recordsOf(pushed.body).at(-1)).toMatchObject({ aux: { Tag: '1' } });
  const { id } = JSON.parse((await submit(`${healthy.host}/b/app:1`)).body) as { readonly id: string };
  expect((await server.request('GET', `/slipway/v1/jobs/${id}/events`)).body).toContain('"state":"pushed"');

  const { transfers } = (await status()).slots;
  expect(transfers.every(({ registry }) => registry === stalled.host)).toBe(true);
  const metrics = (await server.request('GET', '/metrics')).body;
  expect(metrics).toMatch(/^slipwayd_transfers\{registry="[^"]+",principal="local",state="waiting"\} [1-9]/m);
});
