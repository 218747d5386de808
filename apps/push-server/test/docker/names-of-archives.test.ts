import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

let server: TestDaemon;
beforeAll(async () => {
  server = await startTestDaemon();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** What is told of an image with these names, and how many images the daemon has then. */
async function load(references: readonly string[]): Promise<readonly [string, number]> {
  const path = join(server.folder.path, 'app.tar');
  await writeDockerArchive(path, [{ image: await randomImage({ seed: 'one' }), references: [...references] }]);
  const { body } = await server.request('POST', '/images/load?quiet=1', { body: await readFile(path) });
  const images = JSON.parse((await server.request('GET', '/images/json?all=1')).body) as readonly unknown[];
  return [body, images.length];
}

describe('an archive whose image has a name that is none', () => {
  test.each(['Team/App:v1', 'busybox', '../x:1', 'app:', `app@sha256:${'0'.repeat(64)}`])(
    '%j is refused in the words of dockerd, and nothing is loaded',
    async (name) => {
      const [body, images] = await load(['good:1', name]);
      expect(JSON.parse(body)).toMatchObject({ error: `invalid tag ${JSON.stringify(name)}` });
      expect(images).toBe(0);
    },
  );

  test('<none>:<none> stands for no name at all', async () => {
    const [body, images] = await load(['<none>:<none>']);
    expect(body).toContain('Loaded image ID: sha256:');
    expect(images).toBe(1);
  });
});
