import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const loader = ['--import', here('../../../tools/typescript-loader.mjs')];

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
let mirror: EmbeddedRegistry;
beforeAll(async () => {
  folder = await temporaryFolder();
  [registry, mirror] = await Promise.all([startRegistry(), startRegistry()]);
});
afterAll(async () => {
  await Promise.all([registry[Symbol.asyncDispose](), mirror[Symbol.asyncDispose]()]);
  await folder[Symbol.asyncDispose]();
});

/** Runs a program as its user does, in a folder and a home of its own. */
function run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env['PATH'], HOME: folder.path, SLIPWAY_TEST_CACHE: folder.path };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...loader, here(`../${program}.ts`), ...args],
      { cwd: folder.path, env },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test('references of a manifest', async () => {
  const pods = ['image: nginx', 'image: "ghcr.io/me/app@sha256:00"', 'containers:\n  - image: 127.0.0.1:5000/a/b:1'];
  await writeFile(join(folder.path, 'pods.yaml'), pods.join('\n---\n'));
  const { code, stdout } = await run('references-of-a-manifest', 'pods.yaml');
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    'nginx -> docker.io/library/nginx:latest',
    'ghcr.io/me/app@sha256:00 !! invalid reference format',
    '127.0.0.1:5000/a/b:1 -> 127.0.0.1:5000/a/b:1',
  ]);
});

test('an image in memory, then a deployment on top of it, with the modes and types of the base', async () => {
  const base = await run('image-in-memory', `${registry.host}/demo/base:1`);
  expect(base).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64} application\/vnd\.oci/) });

  await mkdir(join(folder.path, 'dist'));
  await writeFile(join(folder.path, 'dist/index.js'), 'console.log(1)\n');
  const deployed = await run('deploy', `${registry.host}/demo/base:1`, 'dist', `${mirror.host}/demo/app:2`);
  expect(deployed).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^sha256:[0-9a-f]{64} application\/vnd\.oci/),
  });
  const back = await readBack(mirror.host, 'demo/app', '2');
  expect(back.layers.length).toBe(2);
  const config = await fetch(`${mirror.url}/v2/demo/app/blobs/${back.config?.digest}`);
  expect(((await config.json()) as { config: object }).config).toMatchObject({
    WorkingDir: '/app',
    Cmd: ['node', 'index.js'],
  });

  const again = await run('deploy', `${registry.host}/demo/base:1`, 'dist', `${mirror.host}/demo/app:3`);
  expect(again.stdout).toBe(deployed.stdout);
});

test('bars, and a limit that is too short', async () => {
  const image = await randomImage({ seed: 'bars', layers: [{ kind: 'text', size: 400_000 }] });
  await writeDockerArchive(join(folder.path, 'bars.tar'), [{ image, references: ['demo/bars:1'] }]);
  const pushed = await run('push-with-bars', 'bars.tar', `${registry.host}/demo/bars:1`);
  expect(pushed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:.* uploaded: 2/s) });
  expect(pushed.stderr).toContain('#'.repeat(30));

  const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
  const late = await run('push-with-bars', 'bars.tar', `${registry.host}/demo/bars:2`, '1500');
  stall.remove();
  expect(late.code).not.toBe(0);
  expect(late.stderr).toContain('TimeoutError');
  expect(registry.tags('demo/bars')).toEqual(['1']);
});

test('a copy, then the tags that are there and the deletion of some', async () => {
  const image = await run('image-in-memory', `${registry.host}/demo/tags:pr-1`);
  const copied = await run('copy', `${registry.host}/demo/tags:pr-1`, `${mirror.host}/demo/tags:1`);
  expect(copied.stdout).toBe(`${image.stdout.split(' ')[0]}\n`);
  await run('copy', `${registry.host}/demo/tags:pr-1`, `${registry.host}/demo/tags:2`);
  const listed = await run('tags', `${registry.host}/demo/tags`);
  expect(listed.stdout).toMatch(/^2 sha256:\S+ amd64 \[ '\/hello' \]\npr-1 sha256:/);
  expect(registry.tags('demo/tags')).toEqual(['2']);
});

test('downloads, each once, and again where the server wishes it', async () => {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    if (asked.length === 1) response.writeHead(503, { 'Retry-After': '0.01' }).end();
    else response.end('x'.repeat(300_000));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, stdout } = await run('downloads', `${base}/a`, `${base}/b`, `${base}/a`);
  server.close();
  server.closeAllConnections();
  expect(code).toBe(0);
  expect(stdout).toMatch(/\[ 300000, 300000, 300000 \]\n$/);
  expect(asked.length).toBe(3);
});
