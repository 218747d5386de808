import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { randomImage, requireTool, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { startTestDaemon } from '../daemon-fixture.ts';
import { startRedis } from './redis-server.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';

interface Status {
  readonly daemon: { readonly name: string };
  readonly daemons: undefined;
}
type Known = readonly { readonly name: string; readonly state: string; readonly lastSeenAt: string }[];

const statusOf = async (daemon: Pick<SpawnedDaemon, 'request'>): Promise<{ name: string; daemons: Known }> => {
  const { daemon: told } = JSON.parse((await daemon.request('GET', '/slipway/v1/status')).body) as {
    readonly daemon: Status['daemon'] & { readonly daemons: Known };
  };
  return told;
};
const metric = async (daemon: SpawnedDaemon, name: string): Promise<number> => {
  const { body } = await daemon.request('GET', '/metrics');
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)?.[1]);
};
const queued = (daemon: SpawnedDaemon): Promise<number> => metric(daemon, 'slipwayd_jobs_queued');

async function until<T>(look: () => Promise<T>, isRight: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (isRight(found)) return found;
    await delay(100);
  }
}

test('a daemon that is alone knows itself', async () => {
  await using server = await startTestDaemon();
  const { name, daemons } = await statusOf(server);
  expect(daemons).toMatchObject([{ name, state: 'here' }]);
});

describe.skipIf(requireTool('redis-server'))('daemons on one Redis', () => {
  test.each([
    ['one folder', ['data', 'data']],
    ['a folder each', ['a', 'b']],
  ])(
    'with %s: what waits is counted once, and who died is shown as gone, then no more',
    async (_name, folders) => {
      await using redis = await startRedis();
      await using registry = await startRegistry();
      await using folder = await temporaryFolder();
      const start = (name: string, data: string): Promise<SpawnedDaemon> => {
        const settings = ['--redis', redis.url, '--job-lease', '1s', '--job-concurrency', '1'];
        return spawnDaemon(join(folder.path, `${name}.sock`), join(folder.path, data), ...settings);
      };
      const [dataA = '', dataB = ''] = folders;
      const isShared = dataA === dataB;
      const a = await start('a', dataA);
      await using b = await start('b', dataB);
      registry.misbehave({ match: { kind: 'ping' }, stall: true });
      const path = join(folder.path, 'app.tar');
      await writeDockerArchive(path, [{ image: await randomImage({ seed: 'roster' }), references: ['demo/app:v1'] }]);
      const body = await readFile(path);
      const submit = async (to: SpawnedDaemon, at: number): Promise<void> => {
        const destination = encodeURIComponent(`${registry.host}/team/app-${at}:1`);
        expect((await to.request('POST', `/slipway/v1/jobs/archive?destination=${destination}`, { body })).status).toBe(
          201,
        );
      };
      for (const at of [1, 2, 3, 4]) await submit(a, at);
      for (const at of [5, 6, 7]) await submit(b, at);
      const running = async (): Promise<number> =>
        (await metric(a, 'slipwayd_running_jobs')) + (await metric(b, 'slipwayd_running_jobs'));
      const sums = async (): Promise<number[]> => [await running(), await queued(a), await queued(b)];
      const isSettled = ([runs, ofA = 0, ofB = 0]: number[]): boolean => runs === 2 && ofA + ofB === 5;
      const [, ofA, ofB] = await until(sums, isSettled);
      expect([ofA, ofB]).toEqual(isShared ? [5, 0] : [3, 2]);

      const [told, other] = [await statusOf(a), await statusOf(b)];
      await until(
        () => statusOf(a),
        ({ daemons }) => daemons.length === 2,
      );
      expect(other.daemons.map(({ name, state }) => [name, state])).toEqual([
        [told.name, 'here'],
        [other.name, 'here'],
      ]);
      await a.kill();
      const [gone] = (
        await until(
          () => statusOf(b),
          ({ daemons }) => daemons[0]?.state === 'gone',
        )
      ).daemons;
      expect(gone).toMatchObject({ name: told.name, lastSeenAt: expect.stringMatching(/^\d{4}-.*Z$/) });
      // Now it tells of all, also of the folder where nobody is.
      await until(
        () => queued(b),
        (count) => count === 5,
      );
      await until(
        () => statusOf(b),
        ({ daemons }) => daemons.length === 1,
      );
    },
    90_000,
  ); // who died is forgotten after twenty seconds

  test('who leaves in order is not there any more', async () => {
    await using redis = await startRedis();
    await using folder = await temporaryFolder();
    const start = (name: string): Promise<SpawnedDaemon> =>
      spawnDaemon(join(folder.path, `${name}.sock`), join(folder.path, name), '--redis', redis.url);
    await using a = await start('a');
    const b = await start('b');
    expect((await statusOf(b)).daemons).toHaveLength(2);
    await b.stop();
    await using c = await start('c');
    expect((await statusOf(c)).daemons.map(({ name }) => name)).toEqual([
      (await statusOf(a)).name,
      (await statusOf(c)).name,
    ]);
  });
});
