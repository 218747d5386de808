import { readdir, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { multiPlatformImage, randomImage, type TestImage, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

async function archiveOf(server: TestDaemon, image: TestImage, reference: string): Promise<Buffer> {
  const path = join(server.folder.path, 'image.tar');
  await writeDockerArchive(path, [{ image, references: [reference] }]);
  return await readFile(path);
}

/** Sends a body without saying how long it is, as docker does. */
async function chunked(server: TestDaemon, path: string, body: Uint8Array): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath: server.socket, method: 'POST', path, agent: false }, (response) => {
      text(response).then((content) => resolve({ status: response.statusCode ?? 0, body: content }), reject);
    });
    request.on('error', reject);
    const pieces = Array.from({ length: Math.ceil(body.length / 65_536) }, (_, at) =>
      body.subarray(at * 65_536, (at + 1) * 65_536),
    );
    Readable.from(pieces).pipe(request);
  });
}

const build = (at: number, size = 600_000): Promise<TestImage> =>
  randomImage({ seed: `build ${at}`, layers: [{ size, kind: 'random' }] });

describe('with a quota', () => {
  test('a tag that moves from build to build makes room for the next, also when nobody says how long it is', async () => {
    await using server = await startTestDaemon({ diskQuota: 2_000_000 });
    for (const at of [1, 2, 3, 4]) {
      const { body } = await chunked(
        server,
        '/images/load?quiet=1',
        await archiveOf(server, await build(at), 'app:latest'),
      );
      expect([at, body]).toEqual([at, expect.stringContaining('Loaded image: app:latest')]);
    }
    const images = JSON.parse((await server.request('GET', '/images/json')).body) as readonly object[];
    expect(images.length).toBeLessThanOrEqual(2);
  });

  test('archives of jobs count, and go with their jobs', async () => {
    await using server = await startTestDaemon({ diskQuota: 2_000_000 });
    const submit = async (at: number): Promise<{ status: number; body: string }> =>
      chunked(
        server,
        '/slipway/v1/jobs/archive?destination=127.0.0.1:1/a/b',
        await archiveOf(server, await build(at), 'a:1'),
      );
    const answers = [await submit(1), await submit(2), await submit(3)];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 507]);
    expect(answers[2]?.body).toContain('no space left for the archive');
    expect(await readdir(join(server.folder.path, 'data', 'jobs', 'archives'))).toHaveLength(2);
    const { id } = JSON.parse(answers[0]?.body ?? '') as { readonly id: string };
    await server.request('POST', `/slipway/v1/jobs/${id}/cancel`);
    await server.request('GET', `/slipway/v1/jobs/${id}/events`);
    await server.request('DELETE', `/slipway/v1/jobs/${id}`);
    expect((await submit(3)).status).toBe(201);
  });

  test('a small upload that unpacks to more than there is room for is refused', async () => {
    await using server = await startTestDaemon({ diskQuota: 2_000_000 });
    const bomb = gzipSync(
      await archiveOf(server, await randomImage({ layers: [{ size: 5_000_000, kind: 'zeros' }] }), 'a:1'),
    );
    expect(bomb.length).toBeLessThan(100_000);
    const { body } = await chunked(server, '/images/load', bomb);
    expect(body).toContain('no space left for the archive');
    expect(body).not.toContain('bomb'); // what it is nobody knows: there was no room to see
    const job = await chunked(server, '/slipway/v1/jobs/archive?destination=127.0.0.1:1/a/b', bomb);
    expect(job.status).toBe(507);
    expect(await readdir(join(server.folder.path, 'data', 'jobs', 'archives'))).toEqual([]);
  });
});

test('below the floor of free disk nothing is taken in, and readyz says so', async () => {
  await using server = await startTestDaemon({ minFree: Number.MAX_SAFE_INTEGER });
  const { body } = await chunked(server, '/images/load', await archiveOf(server, await build(1), 'a:1'));
  expect(body).toContain('would be free on the disk');
  expect(await server.request('GET', '/readyz')).toMatchObject({ status: 503, body: 'the disk is full\n' });
});

describe('docker', () => {
  test('system df, history and image prune say and do what they should', async () => {
    await using server = await startTestDaemon();
    for (const at of [1, 2]) {
      await server.request('POST', '/images/load', {
        body: await archiveOf(server, await build(at, 50_000), 'app:latest'),
      });
    }
    const df = JSON.parse((await server.request('GET', '/system/df')).body) as {
      readonly LayersSize: number;
      readonly Images: readonly { readonly Size: number; readonly SharedSize: number }[];
    };
    expect(df.Images).toHaveLength(2);
    expect(df.LayersSize).toBe(df.Images.reduce((sum, { Size: size }) => sum + size, 0));
    const history = JSON.parse((await server.request('GET', '/images/app:latest/history')).body) as readonly object[];
    expect(history).toHaveLength(2);
    expect(history[0]).toMatchObject({ Tags: ['app:latest'], Size: 0, CreatedBy: 'ENV STEP=0' });
    expect(history[1]).toMatchObject({ Id: '<missing>', Tags: null, CreatedBy: 'COPY layer-0 /' });
    const pruned = JSON.parse((await server.request('POST', '/images/prune')).body) as {
      readonly ImagesDeleted: readonly object[];
      readonly SpaceReclaimed: number;
    };
    expect(pruned.ImagesDeleted[0]).toEqual({ Deleted: (await build(1, 50_000)).imageID });
    expect(pruned.SpaceReclaimed).toBeGreaterThan(50_000);
    const none = JSON.parse((await server.request('POST', '/images/prune')).body);
    expect(none).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    const filters = encodeURIComponent(JSON.stringify({ dangling: ['false'] }));
    const all = JSON.parse((await server.request('POST', `/images/prune?filters=${filters}`)).body);
    expect(all.ImagesDeleted[0]).toEqual({ Untagged: 'app:latest' });
    expect((await server.request('GET', '/images/json')).body.trim()).toBe('[]');
  });

  test('inspect --platform shows that platform, or says that there is none', async () => {
    await using server = await startTestDaemon();
    const path = join(server.folder.path, 'multi.tar');
    const content = await multiPlatformImage([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
    await writeOciArchive(path, [{ content, refName: 'demo/multi:1' }]);
    await server.request('POST', '/images/load', { body: await readFile(path) });
    const inspect = async (architecture: string): Promise<{ status: number; body: string }> => {
      const platform = encodeURIComponent(JSON.stringify({ os: 'linux', architecture }));
      return await server.request('GET', `/v1.49/images/demo/multi:1/json?platform=${platform}`);
    };
    const [amd64, arm64, none] = [await inspect('amd64'), await inspect('arm64'), await inspect('s390x')];
    expect(JSON.parse(amd64.body)).toMatchObject({ Architecture: 'amd64' });
    expect(JSON.parse(arm64.body)).toMatchObject({ Architecture: 'arm64' });
    expect(JSON.parse(arm64.body).RootFS).not.toEqual(JSON.parse(amd64.body).RootFS);
    expect(none).toMatchObject({ status: 404, body: expect.stringContaining('specified platform (linux/s390x)') });
  });

  test('what is not served is told by name', async () => {
    await using server = await startTestDaemon();
    expect(await server.request('POST', '/v1.45/images/create?fromImage=alpine')).toMatchObject({
      status: 501,
      body: expect.stringContaining('docker pull'),
    });
    expect((await server.request('GET', '/v1.45/containers/demo/json')).status).toBe(404);
  });
});
