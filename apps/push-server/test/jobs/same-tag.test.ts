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
import { expect, test, vi } from 'vitest';
import { spawnDaemon } from './spawn-daemon.ts';
import { useRedis } from './use-redis.ts';

const redis = requireTool('redis-server') ? undefined : useRedis();

test.each([
  ['files', () => []],
  ...(redis === undefined ? [] : [['Redis', () => ['--redis', redis.server.url]] as const]),
] as const)('of two jobs for one tag the later one waits, and no other (%s)', async (_name, args) => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const [one, two] = [await randomImage({ seed: 'slow' }), await randomImage({ seed: 'quick' })];
  const archive = join(folder.path, 'app.tar');
  await writeDockerArchive(archive, [
    { image: one, references: ['demo/app:v1'] },
    { image: two, references: ['demo/app:v2'] },
  ]);
  await using daemon = await spawnDaemon(join(folder.path, 's.sock'), join(folder.path, 'data'), ...args());
  await daemon.request('POST', '/images/load', { body: await readFile(archive) });
  const stall = registry.misbehave({
    match: { kind: 'manifest-put', repository: 't/app' },
    times: 1,
    status: 503,
    delayMs: 500,
  });
  const submit = async (image: string, destination: string): Promise<string> => {
    const body = JSON.stringify({ image, destinations: [`${registry.host}/${destination}`] });
    const headers = { 'content-type': 'application/json' };
    return JSON.parse((await daemon.request('POST', '/slipway/v1/jobs', { headers, body })).body).id;
  };
  const shown = async (
    id: string,
  ): Promise<{ readonly state: string; readonly startedAt: string; readonly finishedAt: string }> =>
    JSON.parse((await daemon.request('GET', `/slipway/v1/jobs/${id}`)).body);
  const slow = await submit('demo/app:v1', 't/app:latest');
  await vi.waitFor(() => expect(stall.hits).toBe(1), { timeout: 30_000 });
  const quick = await submit('demo/app:v2', 't/app:latest');
  const beside = await submit('demo/app:v2', 't/app:v2');
  for (const id of [slow, quick, beside]) await daemon.request('GET', `/slipway/v1/jobs/${id}/events`);
  const [first, second, other] = [await shown(slow), await shown(quick), await shown(beside)];
  expect([first.state, second.state, other.state]).toEqual(['pushed', 'pushed', 'pushed']);
  expect(second.startedAt > other.startedAt).toBe(true);
  const { layers } = await readBack(registry.host, 't/app', 'latest');
  expect(layers[0]?.diffID).toBe(two.layers[0]?.diffID);
});
