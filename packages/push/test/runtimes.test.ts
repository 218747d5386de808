import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  findTool,
  randomImage,
  readBack,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('embedded-program.mjs', import.meta.url));

let folder: TemporaryFolder;
let image: TestImage;
let archive: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  archive = join(folder.path, 'image.tar');
  // Layers for worker threads, for the calling thread, and one that deflate does not shrink.
  const layers = [{ size: 1_500_000 }, { size: 4_000 }, { size: 300_000, kind: 'random' as const }];
  image = await randomImage({ seed: 'runtimes', layers });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:1'] }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

interface Said {
  readonly digest: string;
  readonly layers: readonly string[];
  readonly outcome: string;
}

/** Runs the program on a runtime; it prints nothing but its result, also no warning that a thread would not start. */
async function run(runtime: readonly string[], ...args: readonly string[]): Promise<Said> {
  const [command = '', ...flags] = runtime;
  const child = spawn(command, [...flags, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect([await closed, stderr]).toEqual([[0, null], '']);
  return JSON.parse(stdout) as Said;
}

const runtimes = [
  ['bun', []],
  ['deno', ['run', '--allow-all', '--quiet']],
] as const;

describe.each(runtimes)('the packages on %s', { timeout: 120_000 }, (name, flags) => {
  const command = (): readonly string[] => [findTool(name) ?? name, ...flags];

  test.skipIf(requireTool(name, 'docker-registry'))(
    'push to a fresh repository, with the digests that Node makes',
    async () => {
      await using registry = await startDebianRegistry();
      const here = await run([process.execPath], 'push', archive, registry.host, 'on/node');
      const there = await run(command(), 'push', archive, registry.host, `on/${name}`);
      expect(there).toEqual(here);
      const back = await readBack(registry.host, `on/${name}`, '1');
      expect(back.digest).toBe(there.digest);
      expect(back.layers.map(({ digest }) => digest)).toEqual(there.layers);
      expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    },
  );

  test.skipIf(requireTool(name))('copy from one registry to another', async () => {
    await using from = await startRegistry();
    await using to = await startRegistry();
    const { digest, layers } = await run([process.execPath], 'push', archive, from.host, 'team/app');
    const copied = await run(command(), 'copy', from.host, 'team/app', to.host, 'copy/app');
    expect(copied).toEqual({ digest, layers });
    await to.verify();
  });

  test.skipIf(requireTool(name))('reject with the reason of the signal, and leave no tag and no upload', async () => {
    await using registry = await startRegistry();
    registry.misbehave({ match: { method: 'PUT' }, delayMs: 200 });
    const { outcome } = await run(command(), 'abort', archive, registry.host, 'team/app');
    expect(outcome).toBe('rejected with the reason');
    expect(registry.tags('team/app')).toEqual([]);
    expect(registry.sessions()).toEqual([]);
  });
});
