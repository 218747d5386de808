import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { randomImage, randomLayer, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon } from './daemon-fixture.ts';
import { program } from './program.ts';

const [command, ...first] = program;

async function archiveOf(server: TestDaemon, reference: string, size = 100_000): Promise<Buffer> {
  const path = join(server.folder.path, 'a.tar');
  const image = await randomImage({
    seed: reference,
    layers: [await randomLayer({ seed: reference, size, kind: 'random' })],
  });
  await writeDockerArchive(path, [{ image, references: [reference] }]);
  return await readFile(path);
}

test('metrics, health and readiness tell how it is doing', async () => {
  await using server = await startTestDaemon();
  await using registry = await startRegistry();
  const reference = `${registry.host}/m/app:v1`;
  await server.request('POST', '/images/load', { body: await archiveOf(server, reference) });
  for (let time = 0; time < 2; time += 1) {
    await server.request('POST', `/images/${registry.host}/m/app/push?tag=v1`);
  }
  const other = `${registry.host}/m/other`;
  await server.request('POST', `/images/${encodeURIComponent(reference)}/tag?repo=${encodeURIComponent(other)}&tag=v1`);
  await server.request('POST', `/images/${other}/push?tag=v1`);
  await server.request('POST', '/images/127.0.0.1:1/m/app/push?tag=v1');
  const { body, headers } = await server.request('GET', '/metrics');
  expect(headers['content-type']).toContain('text/plain');
  const value = (name: string): number =>
    Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(body)?.[1]);
  expect(value('slipwayd_pushes_total{outcome="pushed"}')).toBe(3);
  expect(value('slipwayd_bytes_total{how="sent"}')).toBeGreaterThan(100_000);
  expect(value('slipwayd_bytes_total{how="mounted"}')).toBeGreaterThan(100_000);
  expect(value('slipwayd_push_duration_seconds_count{outcome="pushed"}')).toBe(3);
  expect(value('slipwayd_http_requests_total{method="POST",status="200"}')).toBe(5);
  expect(value('slipwayd_running_pushes')).toBe(0);
  expect(value('slipwayd_operations_total{action="push",outcome="failed"}')).toBe(1);
  expect(value('slipwayd_jobs_total{outcome="failed"}')).toBe(0);
  expect(body).toMatch(/^slipwayd_registry_requests_total\{registry="127.0.0.1:\d+",status="201"\} [1-9]/m);
  expect(body).toMatch(/^slipwayd_build_info\{version="[^"]+"\} 1/m);
  expect(value('slipwayd_ready')).toBe(1);
  expect(value('slipwayd_disk_used_bytes')).toBeGreaterThan(100_000);
  expect(value('slipwayd_disk_free_bytes')).toBeGreaterThan(100_000);
  expect(value('slipwayd_disk_quota_bytes')).toBe(0);
  expect((await server.request('GET', '/healthz')).body).toBe('ok\n');
  expect((await server.request('GET', '/readyz')).body).toBe('ok\n');
});

describe('shutdown', () => {
  test('lets a push finish', async () => {
    const server = await startTestDaemon({ shutdownTimeoutMs: 20_000 });
    await using registry = await startRegistry();
    const reference = `${registry.host}/s/app:v1`;
    await server.request('POST', '/images/load', { body: await archiveOf(server, reference) });
    const held = registry.misbehave({ match: { kind: ['mount', 'upload-start'] }, delayMs: 300 });
    const pushing = server.request('POST', `/images/${registry.host}/s/app/push?tag=v1`);
    await expect.poll(() => held.hits, { timeout: 10_000 }).toBeGreaterThan(0);
    const stopped = server[Symbol.asyncDispose]();
    const records = recordsOf((await pushing).body);
    await stopped;
    expect(records.at(-1)).toMatchObject({ aux: { Tag: 'v1' } });
    expect(registry.tags('s/app')).toEqual(['v1']);
  });

  test('until the last work has ended, new connections are told that it shuts down', async () => {
    const server = await startTestDaemon({ shutdownTimeoutMs: 20_000 });
    const reference = 'demo/app:v1';
    await server.request('POST', '/images/load', { body: await archiveOf(server, reference) });
    // Work that ends when the test says so.
    const archive = await archiveOf(server, 'late:v1');
    const { socket: socketPath } = server;
    const loading = httpRequest({ socketPath, method: 'POST', path: '/images/load', agent: false });
    loading.write(archive.subarray(0, 1_000));
    await expect.poll(() => server.daemon.context.activity.running('load'), { timeout: 10_000 }).toBe(1);
    const stopped = server[Symbol.asyncDispose]();
    await expect.poll(() => server.daemon.context.activity.isClosing).toBe(true);

    expect(await server.request('GET', '/readyz')).toMatchObject({ status: 503, body: 'shutting down\n' });
    const refused = await server.request('POST', `/images/${reference}/tag?repo=a&tag=b`);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '5', connection: 'close' } });
    expect(JSON.parse(refused.body)).toEqual({ message: 'the daemon is shutting down' });
    // Readers of what is endless are let go at once, and what is there can still be read.
    expect((await server.request('GET', '/events')).status).toBe(200);
    expect((await server.request('GET', '/images/json')).body).toContain(reference);
    loading.end(archive.subarray(1_000));
    const [loaded] = (await once(loading, 'response')) as [IncomingMessage];
    expect(await text(loaded)).toContain('Loaded image: late:v1');
    await stopped;
    await expect(server.request('GET', '/readyz')).rejects.toThrow();
  });

  test('ends in bounded time what does not finish, and tells its client', async () => {
    const server = await startTestDaemon({ shutdownTimeoutMs: 0 });
    await using registry = await startRegistry();
    const reference = `${registry.host}/s/app:v1`;
    await server.request('POST', '/images/load', { body: await archiveOf(server, reference) });
    const held = registry.misbehave({ match: { kind: ['mount', 'upload-start'] }, stall: true });
    const pushing = server.request('POST', `/images/${registry.host}/s/app/push?tag=v1`);
    await expect.poll(() => held.hits, { timeout: 10_000 }).toBeGreaterThan(0);
    await server[Symbol.asyncDispose]();
    expect(recordsOf((await pushing).body).at(-1)).toMatchObject({ error: 'the daemon is shutting down' });
  });
});

test('thousands of readers of events cost little, hear everything, and are let go at shutdown', async () => {
  const server = await startTestDaemon();
  const readers: { readonly body: Promise<string> }[] = [];
  while (readers.length < 2_000)
    readers.push(...(await Promise.all(Array.from({ length: 100 }, () => reader(server)))));
  expect(server.daemon.context.events.subscribers).toBe(2_000);
  await server.request('POST', '/images/load', { body: await archiveOf(server, 'a:b') });
  await server.request('POST', '/images/a:b/tag?repo=c&tag=d');
  await server[Symbol.asyncDispose]();
  for (const { body } of readers) {
    const events = (await body)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ Action: action }) => action)).toEqual(['load', 'tag']);
  }
}, 60_000);

test('with a quota, what does not fit is refused, after images without a name have made room', async () => {
  await using server = await startTestDaemon({ diskQuota: 2_000_000 }); // 1.5 MB of it for images
  const load = async (reference: string): Promise<string> =>
    (await server.request('POST', '/images/load', { body: await archiveOf(server, reference, 600_000) })).body;
  expect(await load('q:1')).toContain('Loaded image: q:1');
  expect(await load('q:2')).toContain('Loaded image: q:2');
  expect(await load('q:3')).toContain('no space left');
  // `q:1` loses its name to another image, and with it its place.
  await server.request('POST', '/images/q:2/tag?repo=q&tag=1');
  expect(await load('q:3')).toContain('Loaded image: q:3');
  const images = JSON.parse((await server.request('GET', '/images/json')).body) as readonly { RepoTags: string[] }[];
  expect(images.map(({ RepoTags: tags }) => tags).sort()).toEqual([['q:1', 'q:2'], ['q:3']]);
});

describe('the program', () => {
  test('--check-config says what is wrong, with exit code 2, or that nothing is', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'slipwayd.json');
    await writeFile(file, '{ "concurrency": 3 } // enough');
    const checked = ['--check-config', '--config', file, '--data-dir', join(folder.path, 'data')];
    expect(await run(checked)).toEqual([0, 'the configuration is right\n', '']);
    const [code, , stderr] = await run([...checked, '--retries', 'often']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('--retries: expected a whole number from 0 to 1000, got "often"\n  hint: '),
    ]);
    const [missing, , told] = await run([...checked, '--cert-dir', '/nonexistent', '--redis', 'http://x']);
    expect([missing, told]).toEqual([2, expect.stringContaining('--cert-dir: ENOENT')]);
    expect(told).toContain('--redis: expected redis://HOST:PORT');
    expect((await run(['--no-such-flag']))[0]).toBe(2);
  });

  test('token create prints a token that token list and revoke know', async () => {
    await using folder = await temporaryFolder();
    const data = ['--data-dir', folder.path];
    const [, created] = await run([...data, 'token', 'create', 'ci', '--scope', 'load', 'push:ghcr.io/team/*']);
    expect(created).toMatch(/^slipway_[0-9a-f]{12}_[\w-]{43}\n$/);
    const [, listed] = await run([...data, 'token', 'list']);
    expect(listed).toMatch(/^[0-9a-f]{12}\tci\tload push:ghcr\.io\/team\/\*\tnever\n$/);
    expect((await run([...data, 'token', 'revoke', listed.slice(0, 12)]))[0]).toBe(0);
    expect(await run([...data, 'token', 'list'])).toEqual([0, '', '']);
    expect((await run([...data, 'token', 'create', 'ci', '--scope', 'root']))[0]).toBe(2);
  });

  test.skipIf(!existsSync('/dev/full')).each(['--help', '--version', '--check-config', 'token create ci --scope load'])(
    'standard output that cannot be written is told, and no reader is: %s',
    async (args) => {
      await using folder = await temporaryFolder();
      const needsFolder = !['--help', '--version'].includes(args);
      const words = [...program.map((part) => `'${part}'`), ...(needsFolder ? ['--data-dir', folder.path] : []), args];
      const called = words.join(' ');
      const [code, , told] = await run(['-c', `${called} >/dev/full`], ['bash']);
      expect([code, told]).toEqual([
        1,
        expect.stringMatching(/^slipwayd: standard output cannot be written: .*ENOSPC.*\n {2}hint: .*\n$/),
      ]);
      expect(await run(['-c', `${called} >/dev/full 2>&1`], ['bash'])).toEqual([1, '', '']);
      expect(await run(['-c', `${called} | true; exit $PIPESTATUS`], ['bash'])).toEqual([0, '', '']);
    },
  );

  test('serves until SIGTERM, then ends with 0 and takes its socket away', async () => {
    await using folder = await temporaryFolder();
    const socket = join(folder.path, 's.sock');
    const args = [...first, '--host', `unix://${socket}`, '--data-dir', join(folder.path, 'data')];
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const log = text(child.stderr);
    await expect
      .poll(() => readFile(join(folder.path, 'data', 'images', 'oci-layout')).catch(() => undefined), {
        timeout: 20_000,
      })
      .toBeDefined();
    await expect.poll(() => pingStatus(socket), { timeout: 20_000 }).toBe(200);
    child.kill('SIGHUP');
    expect(await pingStatus(socket)).toBe(200);
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect([code, await log]).toEqual([0, expect.stringContaining('slipwayd has stopped')]);
    expect(await log).toMatch(/^\{"level":"info","time":"20[^"]+Z","pid":\d+,"version":.*"slipwayd listens"\}$/m);
    await expect(readFile(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** A client that reads events until they end. Not awaited: its answer ends with the daemon. */
async function reader({ socket }: TestDaemon): Promise<{ readonly body: Promise<string> }> {
  const request = httpRequest({ socketPath: socket, path: '/events', agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { body: text(response) };
}

async function run(
  args: readonly string[],
  [command = '', ...first]: readonly string[] = program,
): Promise<readonly [number, string, string]> {
  const child = spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return [code as number, stdout, stderr];
}

async function pingStatus(socketPath: string): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const request = httpRequest({ socketPath, path: '/_ping', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', () => resolve(undefined));
    request.end();
  });
}
