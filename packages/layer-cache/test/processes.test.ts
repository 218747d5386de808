import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
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
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const options = [
    '--import',
    here('../../../tools/typescript-loader.mjs'),
    '--conditions=@slipway/source',
    here(script),
  ];
  return spawn(process.execPath, [...options, ...input.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SLIPWAY_TEST_CACHE: cache },
  });
}

/** What a process said, to its end. */
async function linesOf(
  child: ChildProcess,
  onLine: (count: number, line: string) => void = () => {},
): Promise<readonly string[]> {
  const exit = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) onLine(lines.push(line), line);
  await exit;
  return lines;
}
