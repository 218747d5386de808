import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type EmbeddedRegistry,
  type QuirkName,
  randomImage,
  readBack,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli, startCli } from './run-cli.ts';

const MiB = 1024 * 1024;
const chunk = 32 * MiB;
const GiB = 1024 * MiB;

let folder: TemporaryFolder;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const [name, size] of [
    ['small', 100 * MiB],
    ['large', GiB],
  ] as const) {
    const image = await randomImage({ seed: name, layers: [{ size, kind: 'random', files: 1 }] });
    await writeOciLayout(at(name), [{ content: image, refName: 'v1' }], { layerCompression: 'none' });
    if (name === 'small') await writeDockerArchive(at('small.tar'), [{ image }], { layout: 'old' });
  }
}, 120_000);
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

test('kill -9 at 90 % of a 1 GiB layer, run again: at most one chunk is sent twice', async () => {
  await using registry = await startRegistry({ folder: at('registry') });
  const data = ['--data-dir', at('data-large')];
  const first = startPush('large', registry.host, [...data, '--limit-rate', '400M']);
  await until(first, () => offsetOf(registry) >= 0.9 * GiB);
  first.kill('SIGKILL');
  await once(first, 'close');
  await registry.settled();
  const before = sentTo(registry);
  expect(before).toBeGreaterThanOrEqual(0.9 * GiB);

  const { code, stderr } = await runPush('large', registry.host, data);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/: Resuming at \d+ of \d+ bytes/);
  expect(sentTo(registry) - before).toBeLessThan(0.1 * GiB + chunk);
  expect(sentTo(registry)).toBeLessThan(GiB + chunk + MiB);
  expect(registry.sessions()).toEqual([]);
  expect(registry.tags('demo/app')).toEqual(['v1']);
  await registry.verify();
}, 120_000);

describe('an interrupted upload', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: the chunk on its way ends, and the next run goes on there',
    async (signal) => {
      await using registry = await startRegistry();
      const data = ['--data-dir', at(`data-${signal}`)];
      const first = startPush('small', registry.host, [...data, '--limit-rate', '100M']);
      await until(first, () => offsetOf(registry) >= 40 * MiB);
      first.kill(signal);
      const [code] = await once(first, 'close');
      expect(code).toBe(130);
      const { code: second, stderr } = await runPush('small', registry.host, data);
      expect(second, stderr).toBe(0);
      expect(stderr).toContain('Resuming at');
      expect(sentTo(registry)).toBeLessThan(101 * MiB); // nothing twice
      await registry.verify();
    },
    60_000,
  );

  // What each makes of a connection that broke in the middle of a chunk: docs/registries.md.
  test.each([
    ['distribution-3', true],
    ['quay', true],
    ['zot', false],
  ] as readonly (readonly [QuirkName, boolean])[])(
    'kill -9, %s: continued %s',
    async (quirks, isContinued) => {
      await using registry = await startRegistry({ quirks });
      const data = ['--data-dir', at(`data-${quirks}`)];
      const options = quirks === 'zot' ? [...data, '--format', 'oci'] : data;
      const first = startPush('small', registry.host, [...options, '--limit-rate', '100M']);
      await until(first, () => offsetOf(registry) >= 40 * MiB);
      first.kill('SIGKILL');
      await once(first, 'close');
      await registry.settled();
      const { code, stderr } = await runPush('small', registry.host, options);
      expect(code, stderr).toBe(0);
      if (isContinued) expect(stderr).toMatch(/: Resuming at \d+/);
      else expect(stderr).toMatch(/warning: .* cannot be continued and starts again/i);
      await registry.verify();
    },
    60_000,
  );

  test('kill -9 of a layer that is sent while it is made, distribution-3: goes on where the registry is', async () => {
    await using registry = await startRegistry({ quirks: 'distribution-3' });
    const data = ['--data-dir', at('data-made')];
    const first = startPush('small.tar', registry.host, [...data, '--limit-rate', '100M']);
    await until(first, () => offsetOf(registry) >= 40 * MiB);
    first.kill('SIGKILL');
    await once(first, 'close');
    await registry.settled();
    const { code, stderr } = await runPush('small.tar', registry.host, data);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/: Resuming at \d+/);
    expect(sentTo(registry)).toBeLessThan(101 * MiB); // nothing twice
    await registry.verify();
  }, 60_000);

  const missing = requireTool('docker-registry');

  test.skipIf(missing)(
    'docker-registry 2.8: a layer that is sent while it is made ends where it is, and the next run goes on there',
    async () => {
      await using registry = await startDebianRegistry();
      const data = ['--data-dir', at('data-archive')];
      const first = startPush('small.tar', registry.host, [...data, '--limit-rate', '60M']);
      await until(first, () => arrivedAt(registry.folder) >= 40 * MiB);
      first.kill('SIGINT');
      expect(await once(first, 'close')).toEqual([130, null]);
      const { code, stderr } = await runPush('small.tar', registry.host, data);
      expect(code, stderr).toBe(0);
      expect(Number(/: Resuming at (\d+) bytes/.exec(stderr)?.[1])).toBeGreaterThanOrEqual(40 * MiB);
      expect((await readBack(registry.host, 'demo/app', 'v1')).layers).toHaveLength(1);
    },
    60_000,
  );

  test.skipIf(missing)(
    'docker-registry 2.8: Ctrl-C between chunks is continued',
    async () => {
      await using registry = await startDebianRegistry();
      const data = ['--data-dir', at('data-debian')];
      const first = startPush('small', registry.host, [...data, '--limit-rate', '60M']);
      await until(first, () => registry.requests.filter(({ method }) => method === 'PATCH').length >= 2);
      first.kill('SIGINT');
      expect(await once(first, 'close')).toEqual([130, null]);
      const { code, stderr } = await runPush('small', registry.host, data);
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/: Resuming at \d+/);
      expect((await readBack(registry.host, 'demo/app', 'v1')).layers).toHaveLength(1);
    },
    60_000,
  );

  test.skipIf(missing)(
    'docker-registry 2.8: kill -9 within a chunk loses the session; the push says so and starts again',
    async () => {
      await using registry = await startDebianRegistry();
      const data = ['--data-dir', at('data-debian-killed')];
      const first = startPush('small', registry.host, [...data, '--limit-rate', '40M']);
      await until(first, () => registry.requests.filter(({ method }) => method === 'PATCH').length >= 2);
      await wait(300); // well within the next chunk, which takes 800 ms
      first.kill('SIGKILL');
      await once(first, 'close');
      const { code, stderr } = await runPush('small', registry.host, data);
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/warning: .* cannot be continued and starts again/i);
      expect((await readBack(registry.host, 'demo/app', 'v1')).layers).toHaveLength(1);
    },
    60_000,
  );
});

function args(image: string, host: string, options: readonly string[]): string[] {
  const source = image.endsWith('.tar') ? `docker-archive:${at(image)}` : `oci:${at(image)}:v1`;
  return ['push', source, `${host}/demo/app:v1`, '--progress', 'plain', ...options];
}

function startPush(image: string, host: string, options: readonly string[]): ReturnType<typeof startCli> {
  const child = startCli(args(image, host, options));
  child.stdout.resume();
  child.stderr.resume();
  return child;
}

function runPush(image: string, host: string, options: readonly string[]): ReturnType<typeof runCli> {
  return runCli(args(image, host, options));
}

/** Bytes that the furthest open upload has. */
function offsetOf(registry: EmbeddedRegistry): number {
  return Math.max(0, ...registry.sessions().map(({ offset }) => offset));
}

/** Bytes of the largest upload that has not ended, in the folder of a registry. */
function arrivedAt(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const uploads = files.filter((file) => file.includes('_uploads') && file.endsWith('/data'));
  return Math.max(0, ...uploads.map((file) => statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0));
}

function sentTo(registry: EmbeddedRegistry): number {
  return registry.requests
    .filter(({ kind }) => kind === 'upload-patch' || kind === 'upload-put')
    .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}

/** Waits for something that the child brings about. */
async function until(child: ChildProcess, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    if (child.exitCode !== null) throw new Error(`slipway ended too early, with code ${child.exitCode}`);
    await wait(5);
  }
}
