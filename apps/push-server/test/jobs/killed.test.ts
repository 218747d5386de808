import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomImage, readBack, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { commitsOf } from './commits.ts';
import { spawnDaemon } from './spawn-daemon.ts';

test('kill -9 during a job, start again: the job ends pushed, and no blob that was there is sent again', async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const archive = join(folder.path, 'app.tar');
  const layers = Array.from({ length: 6 }, () => ({ size: 400_000, kind: 'random' }) as const);
  const image = await randomImage({ seed: 'killed', layers });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
  const socket = join(folder.path, 's.sock');
  const dataDir = join(folder.path, 'data');
  const repository = 'team/app';

  // The last blobs hang until the daemon is dead.
  const stall = registry.misbehave({ match: { kind: 'upload-put', repository }, after: 3, stall: true });
  let id: string;
  {
    await using first = await spawnDaemon(socket, dataDir, '--concurrency', '2');
    const destination = `${registry.host}/${repository}:1`;
    const answer = await first.request(
      'POST',
      `/slipway/v1/jobs/archive?destination=${encodeURIComponent(destination)}`,
      {
        headers: { 'content-type': 'application/x-tar', 'idempotency-key': 'one' },
        body: await readFile(archive),
      },
    );
    expect(answer.status).toBe(201);
    id = JSON.parse(answer.body).id;
    // The third may still be on its way when the fourth arrives.
    while (stall.hits === 0 || commitsOf(registry).length < 3) await delay(20);
    await first.kill();
  }
  stall.remove();
  expect(commitsOf(registry)).toHaveLength(3);
  expect(registry.tags(repository)).toEqual([]);

  await using second = await spawnDaemon(socket, dataDir);
  const events = await second.request('GET', `/slipway/v1/jobs/${id}/events`);
  expect(events.body).toContain('"state":"pushed"');
  const job = JSON.parse((await second.request('GET', `/slipway/v1/jobs/${id}`)).body);
  expect(job).toMatchObject({ id, state: 'pushed', attempts: 2, destinations: [{ state: 'pushed' }] });
  const read = await readBack(registry.host, repository, '1');
  expect(read.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
  expect(new Set(commitsOf(registry)).size).toBe(commitsOf(registry).length);
  expect(commitsOf(registry)).toHaveLength(7);
});

test('a daemon that is stopped in order hands its job over: it does not count as an attempt', async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const archive = join(folder.path, 'app.tar');
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'stopped' }), references: ['demo/app:v1'] }]);
  const socket = join(folder.path, 's.sock');
  const dataDir = join(folder.path, 'data');
  const stall = registry.misbehave({ match: { kind: 'upload-put' }, stall: true });
  let id: string;
  {
    await using first = await spawnDaemon(socket, dataDir, '--shutdown-timeout', '100ms');
    await first.request('POST', '/images/load', { body: await readFile(archive) });
    const answer = await first.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: 'demo/app:v1', destinations: [`${registry.host}/a/b:1`] }),
    });
    id = JSON.parse(answer.body).id;
    while (stall.hits === 0) await delay(20);
    await first.stop();
    expect(first.log()).toContain('slipwayd has stopped');
  }
  stall.remove();
  await using second = await spawnDaemon(socket, dataDir);
  await second.request('GET', `/slipway/v1/jobs/${id}/events`);
  const job = JSON.parse((await second.request('GET', `/slipway/v1/jobs/${id}`)).body);
  expect(job).toMatchObject({ state: 'pushed', attempts: 1 });
});
