import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesOf, startScript } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLayerCache } from '../src/index.ts';
import { addLayer, held } from './layers.ts';

let root: string;

let cache: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-cache-processes-'));
  cache = await mkdtemp(join(root, 'translated-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe.each([0, 1_000])('a cache among processes, where what is known may wait %i ms', (gatherMs) => {
  test('loses no layer when three fill it at once', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'cache-'));
    const said = await Promise.all(['a', 'b', 'c'].map((name) => linesOf(startFiller(folder, name, 40, gatherMs))));
    const names = said.flat().filter((line) => line !== 'closed');
    expect(names).toHaveLength(120);
    await using layers = await openLayerCache({ folder });
    expect(await held(layers, names)).toEqual(names);
    expect((await readdir(join(folder, 'index'))).filter((name) => name !== 'book')).toEqual(['journal']);
  });

  test('a process that is killed loses what waited at most, and blocks nobody', { timeout: 120_000 }, async () => {
    const folder = await mkdtemp(join(root, 'cache-'));
    const names: string[] = [];
    for (const [name, kills] of [
      ['a', 3],
      ['b', 17],
    ] as const) {
      const filler = startFiller(folder, name, 10_000, gatherMs);
      const said = await linesOf(filler, (count) => {
        if (count === kills) filler.kill('SIGKILL');
      });
      expect(said.length).toBeGreaterThanOrEqual(kills);
      names.push(...said);
    }
    await using layers = await openLayerCache({ folder });
    const there = await held(layers, names);
    if (gatherMs === 0) expect(there).toEqual(names);
    // What was lost is made again, and is there for good.
    for (const name of names.slice(0, 20)) await addLayer(layers, name);
    await using other = await openLayerCache({ folder });
    expect(await held(other, names.slice(0, 20))).toEqual(names.slice(0, 20));
  });
});

function startFiller(...input: readonly (string | number)[]): ChildProcess {
  return startProcess('filler.ts', ...input);
}

function startProcess(script: string, ...input: readonly (string | number)[]): ChildProcess {
  return startScript(new URL(script, import.meta.url), input, { cache });
}
