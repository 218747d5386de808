import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  requireTool,
  seededRandom,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { expect, test } from 'vitest';
import { commitsOf } from './commits.ts';
import { startRedis } from './redis-server.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';

// A few seconds in CI. For minutes, and with another seed:
//   SLIPWAY_CHAOS_SECONDS=120 SLIPWAY_CHAOS_SEED=7 npx vitest run test/jobs/chaos.test.ts
const seconds = Number(process.env['SLIPWAY_CHAOS_SECONDS'] ?? 8);
const seed = process.env['SLIPWAY_CHAOS_SEED'] ?? 'farm';

/** A daemon with a folder of its own, which is started again after each death. */
interface Member {
  readonly place: string;
  daemon: SpawnedDaemon;
}

test.skipIf(requireTool('redis-server'))(
  'daemons die, Redis hangs and links break at random: every job ends, and nothing is sent twice',
  { timeout: 120_000 + seconds * 10_000 },
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    await using redis = await startRedis();
    const random = seededRandom(seed);
    const start = (place: string): Promise<SpawnedDaemon> =>
      spawnDaemon(`${place}.sock`, place, '--redis', redis.url, '--job-lease', '2s', '--job-concurrency', '4');
    const places = ['a', 'b'].map((name) => join(folder.path, name));
    const members: readonly Member[] = await Promise.all(
      places.map(async (place) => ({ place, daemon: await start(place) })),
    );
    const archives = await Promise.all(
      [0, 1, 2].map(async (at) => {
        const path = join(folder.path, `${at}.tar`);
        const layers = [{ size: 400_000, kind: 'random' } as const, { size: 50_000 }];
        await writeDockerArchive(path, [
          { image: await randomImage({ seed: `${at}`, layers }), references: ['x/y:1'] },
        ]);
        return await readFile(path);
      }),
    );

    const end = performance.now() + seconds * 1000;
    const jobs = new Map<string, Member>();
    const told = { kills: 0, hangs: 0, breaks: 0 };
    const submit = async (at: number): Promise<void> => {
      const destination = `${registry.host}/farm/app-${at % 5}:${at}`;
      const member = members[at % members.length]!;
      const path = `/slipway/v1/jobs/archive?destination=${encodeURIComponent(destination)}`;
      // As a client does that is cut off: the same key, until there is an answer.
      for (;;) {
        const options = { headers: { 'idempotency-key': `job ${at}` }, body: archives[at % archives.length]! };
        const answer = await member.daemon.request('POST', path, options).catch(() => undefined);
        if (answer !== undefined && answer.status < 300) return void jobs.set(JSON.parse(answer.body).id, member);
        if (answer !== undefined) expect(answer.status).toBe(503);
        await delay(200);
      }
    };
    const submitting = (async () => {
      for (let at = 0; performance.now() < end; at += 1) {
        await submit(at);
        await delay(random.integer(300));
      }
    })();
    while (performance.now() < end) {
      await delay(200 + random.integer(1_200));
      const choice = random.integer(4);
      if (choice < 2) {
        const member = members[random.integer(members.length)]!;
        await member.daemon.kill();
        member.daemon = await start(member.place);
        told.kills += 1;
      } else if (choice === 2) {
        redis.suspend();
        await delay(500 + random.integer(2_000));
        redis.resume();
        told.hangs += 1;
      } else {
        const cut = registry.misbehave({ match: { kind: ['upload-put', 'upload-patch'] }, reset: true, times: 2 });
        await delay(500);
        cut.remove();
        told.breaks += 1;
      }
    }
    await submitting;

    for (const [id, { place }] of jobs) {
      const { daemon } = members.find((member) => member.place === place)!;
      await daemon.request('GET', `/slipway/v1/jobs/${id}/events`);
      const job = JSON.parse((await daemon.request('GET', `/slipway/v1/jobs/${id}?wait=60s`)).body);
      expect([job.state, job.error]).toEqual(['pushed', undefined]);
    }
    expect(jobs.size).toBeGreaterThan(3);
    expect(told.kills + told.hangs + told.breaks).toBeGreaterThan(0);
    await assertSentOnce(registry, told.hangs);
    for (const member of members) await member.daemon.stop();
    process.stdout.write(`chaos: ${jobs.size} jobs, ${JSON.stringify(told)}, seed ${seed}\n`);
  },
);

/** Each tag was put once, and reads back; no blob was sent twice but for those that no lock was held for. */
async function assertSentOnce(registry: EmbeddedRegistry, hangs: number): Promise<void> {
  const puts = registry.requests.filter(({ kind, status }) => kind === 'manifest-put' && status === 201);
  expect(twiceIn(puts.map(({ path }) => path))).toEqual([]);
  // While Redis does not answer, nobody knows what the other daemon sends just then.
  expect(twiceIn(commitsOf(registry)).length).toBeLessThanOrEqual(2 * hangs);
  for (const repository of registry.repositories()) {
    for (const tag of registry.tags(repository)) await readBack(registry.host, repository, tag);
  }
}

function twiceIn(texts: readonly string[]): readonly string[] {
  return texts.filter((text, at) => texts.indexOf(text) !== at);
}
