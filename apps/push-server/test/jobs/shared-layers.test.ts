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
import { expect, test } from 'vitest';
import { startRedis } from './redis-server.ts';
import { spawnDaemon } from './spawn-daemon.ts';

test.skipIf(requireTool('redis-server'))(
  'two daemons that push images on one base to many repositories send each blob once, and mount it elsewhere',
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    await using redis = await startRedis();
    const start = (name: string) =>
      spawnDaemon(join(folder.path, `${name}.sock`), join(folder.path, name), '--redis', redis.url);
    await using a = await start('a');
    await using b = await start('b');
    const base = await randomImage({
      seed: 'base of all',
      layers: [
        { size: 300_000, kind: 'random' },
        { size: 200_000, kind: 'random' },
        { size: 100_000, kind: 'random' },
      ],
    });
    // Slow enough that each daemon begins while the other one is sending.
    registry.misbehave({ match: { kind: ['upload-put', 'upload-patch'] }, delayMs: 250 });

    const submissions = Array.from({ length: 8 }, async (_, at) => {
      const path = join(folder.path, `${at}.tar`);
      const image = await randomImage({ seed: `app ${at}`, layers: [...base.layers, { size: 40_000 }] });
      await writeDockerArchive(path, [{ image, references: ['x/y:1'] }]);
      const destination = encodeURIComponent(`${registry.host}/team/app-${at}:1`);
      const answer = await (at % 2 === 0 ? a : b).request(
        ...(['POST', `/slipway/v1/jobs/archive?destination=${destination}&wait=60s`] as const),
        { body: await readFile(path) },
      );
      return JSON.parse(answer.body) as { readonly state: string; readonly daemon: string };
    });
    const jobs = await Promise.all(submissions);
    expect(jobs.map(({ state }) => state)).toEqual(jobs.map(() => 'pushed'));
    expect(new Set(jobs.map(({ daemon }) => daemon)).size).toBe(2);

    const sizes = new Map<string, number>();
    for (const repository of registry.repositories()) {
      const { config, layers } = await readBack(registry.host, repository, '1');
      for (const { digest, size } of [...layers, ...(config === undefined ? [] : [config])]) sizes.set(digest, size);
    }
    expect(sizes.size).toBe(3 + 2 * 8);
    const bodies = registry.requests.filter(({ kind }) => kind === 'upload-put' || kind === 'upload-patch');
    const received = bodies.reduce((total, { requestBytes }) => total + requestBytes, 0);
    expect(received).toBe([...sizes.values()].reduce((total, size) => total + size, 0));
    expect(registry.requests.filter(({ kind, status }) => kind === 'mount' && status === 201)).toHaveLength(3 * 7);
  },
);
