import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { linesOf, startScript } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetadataStore } from '../src/metadata-store.ts';
import { openStore, type StoreKind } from './open-store.ts';

let root: string;

let cache: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-processes-'));
  cache = await mkdtemp(join(root, 'translated-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const kinds: readonly StoreKind[] = ['files', 'book'];

describe.each(kinds)('the store of %s among processes', (kind) => {
  const open = (folder: string): Promise<MetadataStore> => openStore(kind, folder);

  test('no update is lost when two write to the same keys', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const writers = ['a', 'b'].map((name) => startWriter(kind, folder, name, 100));
    const said = (await Promise.all(writers.map((writer) => linesOf(writer)))).flat();
    expect(said).toHaveLength(200);
    await expectKnown(await open(folder), said);
  });

  test('of two that take the same sessions, each session goes to one', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const count = 100;
    {
      await using store = await open(folder);
      const record = {
        repository: 'docker.io/library/busybox',
        location: 'https://r.example/1',
        offset: 0,
        updatedAt: 1,
      };
      await Promise.all(Array.from({ length: count }, (_, i) => store.saveSession({ ...record, subject: String(i) })));
    }
    const takers = [1, 2].map(() => startProcess('taker.ts', kind, folder, count));
    let ready = 0;
    const said = takers.map((taker) =>
      linesOf(taker, (lines) => {
        if (lines === 1) ready += 1;
        if (lines === 1 && ready === takers.length) for (const each of takers) each.stdin?.end('go\n');
      }),
    );
    const taken = (await Promise.all(said)).flat().filter((line) => line !== 'ready');
    expect(taken.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test('a writer that is killed loses nothing that was committed, and blocks nobody', {
    timeout: 120_000,
  }, async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    for (const [name, kills] of [
      ['a', 7],
      ['b', 12],
    ] as const) {
      const writer = startWriter(kind, folder, name, 10_000);
      const said = await linesOf(writer, (count) => {
        if (count === kills) writer.kill('SIGKILL');
      });
      expect(said.length).toBeGreaterThanOrEqual(kills);
      await expectKnown(await open(folder), said.slice(-20));
    }
  });
});

function startWriter(...input: readonly (string | number)[]): ChildProcess {
  return startProcess('writer.ts', ...input);
}

function startProcess(script: string, ...input: readonly (string | number)[]): ChildProcess {
  return startScript(new URL(script, import.meta.url), input, { cache });
}

async function expectKnown(store: MetadataStore, digests: readonly string[]): Promise<void> {
  await using known = store;
  for (const digest of digests as readonly Digest[]) {
    const diffID = await known.diffIDOf(digest);
    expect(diffID).toBeDefined();
    expect((await known.layerRecords(diffID!)).map((record) => record.digest)).toContain(digest);
  }
}
