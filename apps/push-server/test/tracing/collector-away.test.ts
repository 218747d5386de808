import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomImage, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { type SpawnedDaemon, spawnDaemonWith } from '../jobs/spawn-daemon.ts';
import { startCollector } from './collector.ts';

const traceID = '0af7651916cd43dd8448eb211c80319c';
const headers = { traceparent: `00-${traceID}-b7ad6b7169203331-01` };

async function archiveIn(folder: string): Promise<Buffer> {
  const path = join(folder, 'app.tar');
  await writeDockerArchive(path, [{ image: await randomImage({ seed: 'away' }), references: ['demo/app:v1'] }]);
  return await readFile(path);
}

async function push(
  daemon: SpawnedDaemon,
  body: Buffer,
  destination: string,
  wait = '60s',
): Promise<{ state: string }> {
  const query = `destination=${encodeURIComponent(destination)}&wait=${wait}`;
  const answer = await daemon.request('POST', `/slipway/v1/jobs/archive?${query}`, { body, headers });
  return JSON.parse(answer.body) as { state: string };
}

describe('a collector', () => {
  test.each([
    ['that is not there', async () => ({ url: 'http://127.0.0.1:9', async [Symbol.asyncDispose]() {} })],
    ['that never answers', () => startCollector({ isHanging: true })],
  ])('%s holds no push, and no end', async (_name, start) => {
    await using collector = await start();
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '10',
      OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
    };
    const at = [join(folder.path, 's.sock'), join(folder.path, 'data'), '--shutdown-timeout', '2s'] as const;
    await using daemon = await spawnDaemonWith(variables, ...at);
    const body = await archiveIn(folder.path);
    for (const tag of [1, 2, 3]) {
      expect(await push(daemon, body, `${registry.host}/a/b:${tag}`)).toMatchObject({ state: 'pushed' });
    }
    await daemon.stop();
    expect(daemon.exitCode()).toBe(0);
    const lines = daemon
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(lines.filter(({ msg }) => /^traces cannot be sent/.test(String(msg))).length).toBeLessThanOrEqual(1);
    expect(lines.at(-1)).toMatchObject({ msg: 'slipwayd has stopped' });
  });

  test('gets what is left when the daemon is stopped', async () => {
    await using collector = await startCollector();
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const variables = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/own/path`,
      OTEL_BSP_SCHEDULE_DELAY: '600000',
    };
    await using daemon = await spawnDaemonWith(variables, join(folder.path, 's.sock'), join(folder.path, 'data'));
    await push(daemon, await archiveIn(folder.path), `${registry.host}/a/b:1`);
    expect(collector.spans).toEqual([]);
    await daemon.stop();
    expect(daemon.exitCode()).toBe(0);
    expect(collector.spans.some(({ name }) => name === 'push')).toBe(true);
  });
});

test('a job keeps its trace until another start works on it, also where the first one does not trace', async () => {
  await using collector = await startCollector();
  await using registry = await startRegistry();
  await using folder = await temporaryFolder();
  const at = [join(folder.path, 's.sock'), join(folder.path, 'data')] as const;
  const stall = registry.misbehave({ match: { kind: 'ping' }, stall: true });
  const first = await spawnDaemonWith({}, ...at);
  expect(await push(first, await archiveIn(folder.path), `${registry.host}/a/b:1`, '0s')).toMatchObject({
    state: 'queued',
  });
  await first.kill();
  stall.remove();
  expect(registry.requests.flatMap((request) => request.headers['traceparent'] ?? [])).toEqual([]);
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20' };
  await using _second = await spawnDaemonWith(variables, ...at);
  const job = await collector.find(({ name }) => name === 'job');
  expect(job).toMatchObject({ traceID, parent: 'b7ad6b7169203331' });
  expect(job.attributes['slipway.job.state']).toBe('pushed');
});

test('a daemon that does not trace loads no SDK: it lies in a file of its own', () => {
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
  const having = readdirSync(dist).filter(
    (name) => name.endsWith('.mjs') && readFileSync(join(dist, name), 'utf8').includes('dropping spans'),
  );
  expect(having).toEqual([expect.stringMatching(/^sdk-/)]);
});
