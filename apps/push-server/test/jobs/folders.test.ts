import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  randomImage,
  readBack,
  requireTool,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { untilHit } from '../until-hit.ts';
import { commitsOf } from './commits.ts';
import { startRedis } from './redis-server.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly daemon?: string;
  readonly imageID: string;
}

describe.skipIf(requireTool('redis-server'))('daemons on one Redis, each with a folder of its own', () => {
  test('work on the jobs whose content they have; one that was killed goes on with them when it is back', async () => {
    await using redis = await startRedis();
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const start = (name: string): Promise<SpawnedDaemon> =>
      spawnDaemon(
        join(folder.path, `${name}.sock`),
        join(folder.path, name),
        '--redis',
        redis.url,
        '--job-lease',
        '1s',
      );
    const a = await start('a');
    await using b = await start('b');
    const images = await Promise.all(Array.from({ length: 6 }, (_, at) => randomImage({ seed: `folders-${at}` })));
    const archives = await Promise.all(
      images.map(async (image, at) => {
        const path = join(folder.path, `${at}.tar`);
        await writeDockerArchive(path, [{ image, references: ['demo/app:v1'] }]);
        return await readFile(path);
      }),
    );
    const destination = (at: number): string => `${registry.host}/team/app-${at}:1`;
    const submitArchive = async (to: SpawnedDaemon, at: number): Promise<Job> => {
      const query = `destination=${encodeURIComponent(destination(at))}`;
      const answer = await to.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archives[at] });
      expect([answer.status, answer.body]).toEqual([201, expect.stringContaining(images[at]?.imageID ?? '')]);
      return JSON.parse(answer.body) as Job;
    };
    const submitImage = async (to: SpawnedDaemon, at: number): Promise<Job> => {
      await to.request('POST', '/images/load?quiet=1', { body: archives[at] });
      const body = JSON.stringify({ image: 'demo/app:v1', destinations: [destination(at)] });
      const headers = { 'content-type': 'application/json' };
      return JSON.parse((await to.request('POST', '/slipway/v1/jobs', { headers, body })).body) as Job;
    };
    const jobOf = async (id: string): Promise<Job> =>
      JSON.parse((await b.request('GET', `/slipway/v1/jobs/${id}`)).body) as Job;
    const ended = async ({ id }: Job): Promise<Job> => {
      await b.request('GET', `/slipway/v1/jobs/${id}/events`);
      return await jobOf(id);
    };

    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'team/app-0' }, stall: true });
    const ofA = [await submitArchive(a, 0), await submitImage(a, 1), await submitImage(a, 2)];
    const ofB = [await submitArchive(b, 3), await submitImage(b, 4), await submitImage(b, 5)];
    for (const job of ofB) expect(await ended(job)).toMatchObject({ state: 'pushed' });
    await untilHit(stall);
    for (const job of ofA.slice(1)) expect(await ended(job)).toMatchObject({ state: 'pushed' });

    // What lies with a daemon that is gone waits for it, and is neither failed nor lost.
    await a.kill();
    stall.remove();
    const waiting = await jobOf(ofA[0]?.id ?? '');
    expect(['queued', 'running']).toContain(waiting.state);
    await using again = await start('a');
    expect(await ended(ofA[0] as Job)).toMatchObject({ state: 'pushed' });

    const workers = await Promise.all([...ofA, ...ofB].map(async ({ id }) => (await jobOf(id)).daemon ?? ''));
    const pids = workers.map((daemon) => Number(daemon.split('-').at(-2)));
    expect(pids).toEqual([again.pid, a.pid, a.pid, b.pid, b.pid, b.pid]);
    for (const [at, image] of images.entries()) {
      expect((await readBack(registry.host, `team/app-${at}`, '1')).config?.digest).toBe(image.imageID);
    }
    expect(new Set(commitsOf(registry)).size).toBe(commitsOf(registry).length);
    const manifests = registry.requests.filter(({ kind, status }) => kind === 'manifest-put' && status === 201);
    expect(manifests).toHaveLength(images.length);
    const all = JSON.parse((await b.request('GET', '/slipway/v1/jobs')).body) as { readonly jobs: readonly Job[] };
    expect(all.jobs).toHaveLength(images.length);
  });

  test('a job that waits is cancelled through any of them', async () => {
    await using redis = await startRedis();
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const args = ['--redis', redis.url, '--job-concurrency', '1'];
    await using a = await spawnDaemon(join(folder.path, 'a.sock'), join(folder.path, 'a'), ...args);
    await using b = await spawnDaemon(join(folder.path, 'b.sock'), join(folder.path, 'b'), ...args);
    const path = join(folder.path, 'app.tar');
    await writeDockerArchive(path, [{ image: await randomImage({ seed: 'cancel' }), references: ['demo/app:v1'] }]);
    const archive = await readFile(path);
    const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    const submit = async (name: string): Promise<Job> => {
      const query = `destination=${encodeURIComponent(`${registry.host}/${name}/app:1`)}`;
      return JSON.parse((await a.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive })).body) as Job;
    };
    const running = await submit('one');
    await untilHit(stall);
    const waiting = await submit('two');
    for (const { id } of [waiting, running]) {
      expect((await b.request('POST', `/slipway/v1/jobs/${id}/cancel`)).status).toBe(202);
      const events = await b.request('GET', `/slipway/v1/jobs/${id}/events`);
      expect(events.body).toContain('"state":"cancelled"');
    }
    expect(registry.tags('two/app')).toEqual([]);
  });
});
