import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findUnshare } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-full-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const { prefix, unless } = findUnshare('mount');

describe.skipIf(unless)(`on a small disk, the store of a push warns once and goes on (${unless ?? 'tmpfs'})`, () => {
  test.each([
    // how, what it says, records it knew before, and has after
    ['full', 'ENOSPC: no space left on device', 1, 2],
    ['read-only', 'EROFS: read-only file system', 1, 2],
    ['full-at-start', 'ENOSPC: no space left on device', 0, 1],
  ])('that is %s', { timeout: 120_000 }, async (fault, reason, before, after) => {
    const disk = await mkdtemp(join(root, 'disk-'));
    const folder = join(disk, 'store');
    const [program = '', ...args] = prefix;
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const node = [process.execPath, '--import', here('../../../tools/typescript-loader.mjs')];
    const script = [...node, '--conditions=@slipway/source', here('full-disk.ts'), folder, fault];
    const mounted = ['sh', '-c', 'mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@"', disk, ...script];
    const [said = '', again] = execFileSync(program, [...args, ...mounted], {
      encoding: 'utf8',
      env: { ...process.env, SLIPWAY_TEST_CACHE: root },
    }).split('\n');
    expect(JSON.parse(said)).toEqual({
      warnings: [
        expect.stringMatching(new RegExp(`^Cannot (open|write) the metadata store in ${folder}: ${reason}, `)),
      ],
      before,
      after,
      size: 5,
    });
    if (fault !== 'read-only') expect(again).toBe('6');
  });
});
