import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { expect, test, vi } from 'vitest';
import { untilHit } from '../until-hit.ts';
import { commitsOf } from './commits.ts';
import { spawnDaemon } from './spawn-daemon.ts';

test('a second daemon in a data folder refuses to start; one that comes as the first leaves takes over', async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const archive = join(folder.path, 'app.tar');
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'owner' }), references: ['demo/app:v1'] }]);
  const dataDir = join(folder.path, 'data');
  const socketOf = (name: string): string => join(folder.path, `${name}.sock`);
  const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
  await using first = await spawnDaemon(socketOf('a'), dataDir, '--shutdown-timeout', '2s');
  const query = `destination=${encodeURIComponent(`${registry.host}/a/b:1`)}`;
  const answer = await first.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: await readFile(archive) });
  const { id } = JSON.parse(answer.body) as { readonly id: string };
  await untilHit(stall);

  await expect(spawnDaemon(socketOf('b'), dataDir)).rejects.toThrow(/Another daemon \(process \d+\) works in/);
  expect(JSON.parse((await first.request('GET', `/slipway/v1/jobs/${id}`)).body)).toMatchObject({ attempts: 1 });

  const stopped = first.stop();
  await vi.waitFor(() => expect(first.log()).toContain('slipwayd stops'), { timeout: 20_000 });
  stall.remove();
  await using second = await spawnDaemon(socketOf('b'), dataDir);
  await stopped;
  await second.request('GET', `/slipway/v1/jobs/${id}/events`);
  const job = JSON.parse((await second.request('GET', `/slipway/v1/jobs/${id}`)).body);
  expect(job).toMatchObject({ state: 'pushed', attempts: 1 });
  expect(new Set(commitsOf(registry)).size).toBe(commitsOf(registry).length);
});
