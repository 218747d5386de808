import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { openSource } from '@slipway/image-source';
import { linesOf, randomImage, startScript, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openImageStore, openStoreSource } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'slipway-translated-'));
});
afterAll(async () => {
  await rm(cache, { recursive: true, force: true });
});

/** Two images that share their first layer. */
const image = await randomImage({ seed: 'a', layers: [{ size: 2_000_000, kind: 'random' }, { size: 1_000_000 }] });
const other = await randomImage({ seed: 'b', layers: [image.layers[0]!, { size: 500_000 }] });

/** Names of its own for each process: a name is what keeps an image from the others. */
async function archivesOf(name: string): Promise<readonly string[]> {
  const paths = [at(`${name}-docker.tar`), at(`${name}-oci.tar`)] as const;
  await writeDockerArchive(paths[0], [{ image, references: [`${name}/loaded:1`] }]);
  await writeOciArchive(paths[1], [{ content: other, refName: `${name}/loaded:2` }]);
  return paths;
}

test('two processes that load, tag, delete and collect garbage at once lose nothing and leave nothing', {
  timeout: 120_000,
}, async () => {
  const workers = await Promise.all(['one', 'two'].map(async (name) => startWorker(name, 6, await archivesOf(name))));
  const said = await Promise.all(workers.map((worker) => linesOf(worker)));
  expect(said.map((lines) => lines.at(-1))).toEqual(['done', 'done']);
  await expectSound();
  await using store = await openImageStore({ folder: at('store') });
  // The last round of each has put its name on the archive it loaded last; the other image has lost its last one.
  const tags = new Map((await store.list()).map((each) => [each.id, each.tags]));
  expect(tags).toEqual(
    new Map([
      [other.imageID, ['one/5:latest', 'two/5:latest']],
      [image.imageID, []],
    ]),
  );
});

test('a process killed at any moment leaves a store that is whole, without leftovers', {
  timeout: 60_000,
}, async () => {
  const archives = await archivesOf('mine');
  for (const steps of [1, 4, 9, 14, 30]) {
    const worker = startWorker('mine', 1000, archives);
    const lines = await linesOf(worker, (count) => {
      if (count === steps) worker.kill('SIGKILL');
    });
    expect(lines.length).toBeGreaterThanOrEqual(steps);
    await expectSound();
  }
  // Nobody is blocked by what the dead held.
  await using store = await openImageStore({ folder: at('store') });
  await using source = await openSource(archives[0]!);
  expect(await store.load(source)).toMatchObject([{ id: image.imageID }]);
});

/** Every image is there in full, every blob is what it is called, and there is nothing else. */
async function expectSound(): Promise<void> {
  await using store = await openImageStore({ folder: at('store') });
  for (const name of await readdir(at('store/blobs/sha256'))) {
    expect(digestBytes(await readFile(at(`store/blobs/sha256/${name}`)))).toBe(`sha256:${name}`);
  }
  for (const { id } of await store.list()) {
    await using source = await openStoreSource(store, id);
    expect(source.items).toHaveLength(1);
  }
  expect((await store.diskUsage()).reclaimableBytes).toBe(0);
  expect(await readdir(at('store/.slipway/work'))).toEqual([]);
}

function startWorker(name: string, rounds: number, archives: readonly string[]): ChildProcess {
  return startScript(new URL('worker.ts', import.meta.url), [at('store'), name, rounds, ...archives], { cache });
}
