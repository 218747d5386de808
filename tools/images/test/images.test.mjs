// The images as users get them: built, pushed by Slipway, pulled by another program, and run. Needs the executables of
// `pnpm build:standalone`, and buildah.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import {
  randomImage,
  randomLayer,
  requireTool,
  startDebianRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImages } from '../build-images.mjs';
import { bundledIn } from '../sbom.mjs';

/** Fast: what is compressed here is thrown away. */
const compressionLevel = 1;
const hasBuildah = requireTool('buildah', 'skopeo', 'docker-registry', 'dpkg-deb', 'apt-get') === false;
const target = `linux-${process.arch}`;
const slipway = new URL(`../../../dist/standalone/${target}/slipway`, import.meta.url).pathname;
const release = new URL('../../release/images.mjs', import.meta.url).pathname;

describe.skipIf(!hasBuildah)('the images', () => {
  let folder;
  let registry;
  let built;

  beforeAll(async () => {
    folder = await temporaryFolder();
    registry = await startDebianRegistry();
    const images = await buildImages({ out: join(folder.path, 'images'), targets: [target], compressionLevel });
    built = Object.fromEntries(images.map((image) => [image.name, image]));
    const env = { ...process.env, SLIPWAY_DATA_DIR: join(folder.path, 'data') };
    await promisify(execFile)(process.execPath, [release, repository(), join(folder.path, 'images')], { env });
  });
  afterAll(async () => {
    await buildah('rm', '--all');
    await registry?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const repository = () => `${registry.host}/tools`;
  const referenceOf = (name) => `${repository()}/${name}:latest`;
  const buildah = (...args) => {
    const places = ['--storage-driver', 'vfs', '--root', join(folder.path, 'st'), '--runroot', join(folder.path, 'rr')];
    return run('buildah', ...places, ...args);
  };
  const pull = async (name) =>
    (await buildah('from', '--tls-verify=false', referenceOf(name))).trim().split('\n').at(-1);

  test('are made again to the byte from the same versions of packages', async () => {
    const again = await buildImages({
      out: join(folder.path, 'again'),
      targets: [target],
      compressionLevel,
      packagesFile: join(folder.path, 'images/packages.json'),
      names: ['slipwayd'],
    });
    expect(again[0].digest).toBe(built.slipwayd.digest);
    const [first, second] = await Promise.all(
      [built.slipwayd, again[0]].map(({ layout }) => readFile(join(layout, 'index.json'), 'utf8')),
    );
    expect(second).toBe(first); // so are the SBOMs
  });

  test('say what they are, belong to a user by number, and have an SBOM of all that is in them', async () => {
    const inspected = await run(
      'skopeo',
      'inspect',
      '--config',
      '--raw',
      '--tls-verify=false',
      `docker://${referenceOf('slipwayd')}`,
    );
    const { config } = JSON.parse(inspected);
    expect(config).toMatchObject({
      User: '65532',
      Entrypoint: ['/usr/bin/slipwayd'],
      Healthcheck: { Test: ['CMD', '/usr/bin/slipwayd', 'health'] },
      Labels: {
        'org.opencontainers.image.title': 'slipwayd',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
      },
    });
    const listed = await run(slipway, 'artifact', 'list', referenceOf('slipwayd'));
    expect(listed).toContain('application/spdx+json');
    const layout = built.slipwayd.layout;
    const [, { digest }] = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests;
    const manifest = JSON.parse(await readFile(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
    const [file] = manifest.layers;
    const sbom = JSON.parse(await readFile(join(layout, 'blobs', file.digest.replace(':', '/')), 'utf8'));
    const inside = sbom.packages.map(({ name }) => name);
    expect(manifest.subject.digest).toBe(built.slipwayd.digest);
    expect(inside).toEqual(
      expect.arrayContaining(['slipwayd', 'libc6', 'ca-certificates', 'Bun', 'fastify', 'ioredis']),
    );
    const notices = await readFile(`${slipway}d.notices.txt`, 'utf8');
    expect(inside.filter((name) => name === 'fastify')).toHaveLength(1);
    expect(inside.length).toBe(1 + 3 + bundledIn(notices).length);
    const ids = sbom.packages.map(({ SPDXID }) => SPDXID);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(id))).toBe(true);
  });

  test('slipway pushes from inside of its image', async () => {
    const container = await pull('slipway');
    const work = join(folder.path, 'work');
    await mkdir(work, { mode: 0o755 });
    const image = await randomImage({ seed: 'inside', layers: [await randomLayer({ seed: 'inside', size: 10_000 })] });
    await writeDockerArchive(join(work, 'app.tar'), [{ image, references: ['app:v1'] }]);
    const inside = (...args) =>
      buildah(
        'run',
        '--isolation',
        'chroot',
        '--volume',
        `${work}:/images`,
        container,
        '--',
        '/usr/bin/slipway',
        ...args,
      );
    expect(await inside('--version')).toBe('0.0.0\n');
    const destination = `${registry.host}/from/inside:v1`;
    expect(await inside('push', '/images/app.tar', destination)).toMatch(/\/from\/inside@sha256:[0-9a-f]{64}\n$/);
  });

  test('slipwayd serves from inside of its image, is healthy, and ends when it is asked to', async () => {
    const container = await pull('slipwayd');
    const sockets = join(folder.path, 'sockets');
    await mkdir(sockets);
    await run('chown', '65532', sockets);
    const flags = ['run', '--isolation', 'chroot', '--volume', `${sockets}:/run/slipway`, container, '--'];
    const places = ['--storage-driver', 'vfs', '--root', join(folder.path, 'st'), '--runroot', join(folder.path, 'rr')];
    const daemon = spawn('buildah', [...places, ...flags, '/usr/bin/slipwayd', '--shutdown-timeout', '1s'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const closed = once(daemon, 'close');
    let log = '';
    daemon.stderr.on('data', (chunk) => {
      log += chunk;
    });
    const socketPath = join(sockets, 'slipway.sock');
    try {
      await expect.poll(() => ping(socketPath), { timeout: 60_000, interval: 200 }).toBe('OK');
      expect(await buildah(...flags, '/usr/bin/slipwayd', 'health')).toBe('ok\n');
    } finally {
      // Without a process namespace, its number is the same out here; buildah hands no signals on.
      const [, pid] = /"pid":(\d+)/.exec(log) ?? [];
      if (pid === undefined) daemon.kill('SIGKILL');
      else process.kill(Number(pid), 'SIGTERM');
    }
    await closed;
    expect(log).toContain('slipwayd has stopped');
    await expect(buildah(...flags, '/usr/bin/slipwayd', 'health')).rejects.toThrow('unix:///run/slipway/slipway.sock');
  });
});

async function run(program, ...args) {
  const { stdout } = await promisify(execFile)(program, args, { timeout: 200_000, maxBuffer: 2 ** 24 });
  return stdout;
}

async function ping(socketPath) {
  return await new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping' }, (response) => resolve(text(response)));
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
