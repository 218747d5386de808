import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrustKey } from '@slipway/manifest/schema1';
import {
  randomImage,
  randomLayer,
  readBack,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import {
  readBackSchema1,
  readBackV1,
  startGraphRegistry,
  startV1Registry,
  writeGraphArchive,
} from '@slipway/testkit/legacy';
import { describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

async function archive(folder: string): Promise<string> {
  const path = join(folder, 'app.tar');
  await writeDockerArchive(path, [{ image: await randomImage(), references: ['app:v1'] }], { layout: 'old' });
  return path;
}

describe('registries of old', () => {
  test('--format schema1 signs with the key of the data folder, which is made and kept', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({ schema1: true });
    const path = await archive(folder.path);
    for (const tag of ['1', '2']) {
      const args = ['push', path, `${registry.host}/demo/app:${tag}`, '--format', 'schema1', '--data-dir', folder.path];
      const { code, stdout } = await runCli(args);
      expect(code).toBe(0);
      const back = await readBackSchema1(registry.url, 'demo/app', tag);
      expect(stdout).toBe(`${registry.host}/demo/app@${back.digest}\n`);
      const { id } = parseTrustKey(await readFile(join(folder.path, 'key.json'), 'utf8'));
      expect(back.keys.map((key) => key.id)).toEqual([id]);
      // The printed digest is that of what was signed: the image is found by it, and becomes a modern one.
      const source = `docker://${registry.host}/demo/app@${back.digest}`;
      const copy = await runCli(['push', source, `${registry.host}/demo/copy:${tag}`, '--data-dir', folder.path]);
      expect(copy).toMatchObject({ code: 0 });
      expect((await readBack(registry.host, 'demo/copy', tag)).layers).toHaveLength(2); // its steps without a layer aside
    }
  });

  test.each([[['--protocol', 'v1']], [['--format', 'v1']], [['--protocol', 'auto']]])(
    '%j reaches a v1 registry',
    async (options) => {
      await using folder = await temporaryFolder();
      await using registry = await startV1Registry();
      const { code, stderr } = await runCli([
        'push',
        await archive(folder.path),
        `${registry.host}/demo/app:1`,
        ...options,
      ]);
      expect(stderr).toContain('Image successfully pushed');
      expect(code).toBe(0);
      expect(await readBackV1(registry.url, 'demo/app', '1')).toHaveLength(2);
    },
  );

  test.each(['an archive', 'a repository'])(
    '--all-tags of %s is one push over v1, whatever the destinations',
    async (what) => {
      await using folder = await temporaryFolder();
      await using registry = await startV1Registry();
      await using source = await startRegistry();
      const path = join(folder.path, 'all.tar');
      const images = [1, 2].map(async (seed) => ({
        image: await randomImage({ seed, layers: Array.from({ length: seed }, () => ({ size: 3_000 })) }),
        references: seed === 1 ? ['demo/app:1'] : ['demo/app:2', 'demo/app:latest'],
      }));
      await writeDockerArchive(path, await Promise.all(images));
      let from = path;
      if (what === 'a repository') {
        from = `docker://${source.host}/demo/app`;
        expect((await runCli(['push', path, `${source.host}/demo/app`, '--all-tags'])).code).toBe(0);
      }
      const places = ['demo/app', 'copy/app'];
      const destinations = places.map((place) => `${registry.host}/${place}`);
      const into = what === 'an archive' ? ['--into'] : [];
      const { code, stdout } = await runCli(['push', from, ...destinations, '--all-tags', ...into, '--format', 'v1']);
      expect(code).toBe(0);
      expect(stdout.split('\n').filter(Boolean)).toHaveLength(6);
      const paths = registry.requests.map(({ method, path: asked }) => `${method} ${asked}`);
      for (const place of places) {
        expect(paths.filter((asked) => asked === `PUT /v1/repositories/${place}/`)).toHaveLength(1);
        expect(paths.filter((asked) => asked === `PUT /v1/repositories/${place}/images`)).toHaveLength(1);
        const list = registry.indexes.get(place) as readonly { readonly Tag?: string }[];
        expect(list.flatMap(({ Tag }) => Tag ?? []).toSorted()).toEqual(['1', '2', 'latest']);
        for (const [tag, layers] of Object.entries({ 1: 1, 2: 2, latest: 2 })) {
          expect(await readBackV1(registry.url, place, tag)).toHaveLength(layers);
        }
      }
    },
  );

  test.each([
    [['--protocol', 'v1'], { status: 404 }],
    [['--format', 'v1'], { status: 405 }],
  ])('%j at a registry that speaks v2 only says so', async (options, answer) => {
    await using folder = await temporaryFolder();
    await using registry = await startV1Registry();
    registry.misbehave(({ method }) => (method === 'PUT' ? answer : undefined));
    const to = `${registry.host}/demo/app:1`;
    const { code, stdout, stderr } = await runCli(['push', await archive(folder.path), to, ...options]);
    expect([code, stdout]).toEqual([1, '']);
    const lines = stderr.split('\n').filter((line) => !/^(?:slipway: warning|The push refers|Sending)/.test(line));
    expect(lines).toEqual([
      `slipway: Could not push the list of images to ${registry.host}/demo/app: PUT http://${registry.host}` +
        `/v1/repositories/demo/app/ answered ${answer.status}: the registry does not speak v1`,
      '  hint: registries of today speak v2: leave out --protocol v1 and --format v1',
      '',
    ]);
  });

  test('with auto, a registry without v1 is told of by what it said over v2', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startV1Registry();
    registry.misbehave(({ method }) => (method === 'PUT' ? { status: 404 } : undefined));
    const to = `${registry.host}/demo/app:1`;
    const auto = await runCli(['push', await archive(folder.path), to, '--protocol', 'auto']);
    expect(auto.code).not.toBe(0);
    expect(auto.stderr).toContain('/v2/');
    expect(auto.stderr).not.toContain('does not speak v1');
  });

  test.each([
    ['--protocol v2 excludes --format v1', ['--format', 'v1', '--protocol', 'v2']],
    ['--protocol v1 excludes --format schema1', ['--format', 'schema1', '--protocol', 'v1']],
  ])('%s', async (message, options) => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await runCli(['push', await archive(folder.path), '127.0.0.1:1/demo/app:1', ...options]);
    expect([code, stderr.split('\n')[0]]).toEqual([2, `slipway: ${message}`]);
  });

  test('without it, a v1 registry is none', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startV1Registry();
    const { code } = await runCli([
      'push',
      await archive(folder.path),
      `${registry.host}/demo/app:1`,
      '--retries',
      '0',
    ]);
    expect(code).not.toBe(0);
    expect(registry.requests.filter(({ path }) => path.startsWith('/v1/'))).toEqual([]);
  });

  test('a refused Docker manifest is explained; with Docker’s variable, schema 1 goes in its place', async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({ schema1: true });
    const rule = {
      match: { kind: 'manifest-put' },
      times: 1,
      status: 400,
      body: { errors: [{ code: 'TAG_INVALID' }] },
    } as const;
    registry.misbehave(rule);
    const args = ['push', await archive(folder.path), `${registry.host}/demo/app:1`];
    const refused = await runCli(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('use --format schema1');
    registry.misbehave(rule);
    const taken = await runCli(args, {
      env: { DOCKER_ALLOW_SCHEMA1_PUSH_DONOTUSE: '1', SLIPWAY_DATA_DIR: folder.path },
    });
    expect(taken.stderr).toContain('DEPRECATION NOTICE');
    expect(taken.code).toBe(0);
    await readBackSchema1(registry.url, 'demo/app', '1');
  });

  test('an archive of 2015 goes to registries of its time and of ours', async () => {
    await using folder = await temporaryFolder();
    const id = 'c'.repeat(64);
    const { tar } = await randomLayer({ size: 5000 });
    const json = new TextEncoder().encode(
      JSON.stringify({ id, created: '2015-03-09T00:00:00Z', architecture: 'amd64', os: 'linux' }),
    );
    const path = join(folder.path, 'old.tar');
    await writeGraphArchive(path, [{ id, json, layer: tar }], { app: { v1: id } });

    await using graph = await startGraphRegistry();
    // The usual data folder of these tests cannot be written to, which is told and does not matter.
    expect((await runCli(['push', path, `${graph.host}/demo/app:1`, '--format', 'schema1-2015'])).code).toBe(0);
    expect((await readBackSchema1(graph.url, 'demo/app', '1')).layers[0]?.blobSum).toMatch(/^tarsum\.v1\+sha256:/);

    await using registry = await startRegistry();
    expect((await runCli(['push', path, `${registry.host}/demo/app:1`])).code).toBe(0);
    expect((await readBack(registry.host, 'demo/app', '1')).layers).toHaveLength(1);
  });
});
