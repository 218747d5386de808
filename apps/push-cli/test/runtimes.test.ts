import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
import { runCli, runProgram, script, startProgram } from './run-cli.ts';

let folder: TemporaryFolder;
let image: TestImage;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  const layers = [{ size: 2_000_000 }, { size: 3_000 }, { size: 400_000, kind: 'random' as const }];
  image = await randomImage({ seed: 'other runtimes', layers });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

const runtimes = [
  ['bun', []],
  ['deno', ['run', '--allow-all', '--quiet']],
] as const;

describe.each(runtimes)('the program as npm installs it, on %s', { timeout: 120_000 }, (name, flags) => {
  const push = (...args: readonly string[]): readonly string[] => [
    findTool(name) ?? name,
    ...flags,
    script,
    'push',
    ...args,
    '--plain-http',
    '--progress',
    'plain',
  ];
  const env = (): Record<string, string> => ({ PATH: process.env['PATH'] ?? '', HOME: folder.path });

  test.skipIf(requireTool(name, 'docker-registry'))('pushes what Node pushes, with the same words', async () => {
    await using registry = await startDebianRegistry();
    const destination = `${registry.host}/on/${name}:v1`;
    const pushed = await runProgram(push(at('image.tar'), destination, '--data-dir', at(name)), { env: env() });
    expect(pushed.code, pushed.stderr).toBe(0);
    const back = await readBack(registry.host, `on/${name}`, 'v1');
    expect(pushed.stdout).toBe(`${registry.host}/on/${name}@${back.digest}\n`);
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    await using other = await startRegistry();
    const args = ['push', at('image.tar'), `${other.host}/on/${name}:v1`, '--plain-http', '--progress', 'plain'];
    const here = await runCli([...args, '--data-dir', at(`${name}-by-node`)]);
    expect(here.stdout).toBe(pushed.stdout.replace(registry.host, other.host));
    expect([...pushed.lines].map(withoutFigures).sort()).toEqual([...here.lines].map(withoutFigures).sort());

    const again = await runProgram(push(at('image.tar'), destination, '--data-dir', at(name)), { env: env() });
    expect(again.stdout).toBe(pushed.stdout);
    const wrong = await runProgram(push(at('image.tar'), `${registry.host}/Upper:v1`), { env: env() });
    expect(wrong.code).toBe(2);
    // It calls itself by a version of Node, whose code it would take, or replace.
    expect(existsSync(at('.cache/slipway'))).toBe(false);
  });

  test.skipIf(requireTool(name))('makes its own zlib’s layers, also beside those that Node has kept', async () => {
    await using registry = await startRegistry();
    const args = [at('image.tar'), `${registry.host}/on/zlib:v1`, '--compression', 'gzip', '--compressor', 'zlib'];
    const by = (data: string): readonly string[] => [...args, '--force', '--data-dir', at(`${name}-${data}`)];
    const node = await runCli(['push', ...by('shared')]);
    expect(node.code, node.stderr).toBe(0);
    const [beside, alone] = [
      await runProgram(push(...by('shared')), { env: env() }),
      await runProgram(push(...by('own')), { env: env() }),
    ];
    expect([beside.code, beside.stdout], beside.stderr).toEqual([0, alone.stdout]);
    expect(alone.stdout).not.toBe(node.stdout);
    await registry.verify();
  });

  test.skipIf(requireTool(name))('copies from one registry to another', async () => {
    await using from = await startRegistry();
    await using to = await startRegistry();
    const { stdout } = await runCli(['push', at('image.tar'), `${from.host}/team/app:v1`]);
    const copied = await runProgram(push(`docker://${from.host}/team/app:v1`, `${to.host}/copy/app:v1`), {
      env: env(),
    });
    expect(copied.code, copied.stderr).toBe(0);
    expect(copied.stdout).toBe(stdout.replace(`${from.host}/team/app`, `${to.host}/copy/app`));
    await to.verify();
  });

  test.skipIf(requireTool(name))('stops at a safe point on Ctrl-C: exit code 130 and no tag', async () => {
    await using registry = await startRegistry();
    const args = [at('image.tar'), `${registry.host}/demo/app:v1`, '--limit-rate', '20k', '--no-cache'];
    const child = startProgram(push(...args), { env: env() });
    let stderr = '';
    for await (const chunk of child.stderr) {
      stderr += chunk;
      if (/: Pushing/.test(stderr) && !child.killed) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'close');
    expect([child.exitCode, stderr]).toEqual([130, expect.stringContaining('stopping at a safe point')]);
    expect(registry.tags('demo/app')).toEqual([]);
  });
});

/** Hosts and times differ between two runs. */
function withoutFigures(line: string): string {
  return line.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST').replaceAll(/\d+(?:\.\d+)? ?(?:ms|s|[KMG]i?B\/s)\b/g, 'N');
}
