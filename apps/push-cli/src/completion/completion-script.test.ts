import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { optionTable } from '@slipway/client/options';
import { findTool } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandContext } from '../command-context.ts';
import { createProgram } from '../program.ts';
import { commandModels } from './command-model.ts';
import { completionScript } from './completion-script.ts';
import { type Shell, shells } from './shells.ts';

const run = promisify(execFile);
const program = createProgram({} as CommandContext);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-completion-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each(shells)('the script for %s', (shell) => {
  test('knows every command and every long option', () => {
    const script = completionScript(shell, program);
    for (const { commands, options } of commandModels(program)) {
      for (const { name } of commands) expect(script).toContain(name);
      for (const { names } of options) expect(script).toContain(names[0]?.replace(/^--/, ''));
    }
  });

  test('offers the values of options', () => {
    const script = completionScript(shell, program);
    for (const values of [
      ...['format', 'compression', 'progress'].map((name) => optionTable[name as 'format'].kind.choices ?? []),
      shells,
    ]) {
      expect(script).toContain(values.join(' '));
    }
  });

  const path = findTool(shell);
  test.skipIf(path === undefined)('is accepted by the shell itself', async () => {
    await run(shell, ['-n', await written(shell)]);
  });
});

describe.skipIf(findTool('bash') === undefined)('in bash', () => {
  test.each([
    ['commands', ['slipway', 'in'], ['inspect']],
    ['commands below a command', ['slipway', 'registry', 's'], ['serve']],
    ['options', ['slipway', 'push', '--com'], ['--compression', '--compression-level', '--compressor']],
    ['options of the command below', ['slipway', 'registry', 'serve', '--p'], ['--port']],
    ['values of an option', ['slipway', 'push', '--progress', 'p'], ['plain']],
    ['values of an argument', ['slipway', 'completion', 'f'], ['fish']],
    ['commands for help', ['slipway', 'help', 'pu'], ['push']],
    ['files for a source', ['slipway', 'push', 'ima'], ['image.tar']],
    ['folders for a folder', ['slipway', 'push', '--cert-dir', ''], ['certificates']],
    ['nothing for a number', ['slipway', 'push', '--concurrency', ''], []],
  ])('%s', async (_, words, offered) => {
    const work = join(folder, 'work');
    const script = `
      mkdir -p ${work}/certificates && cd ${work} && touch image.tar
      . ${await written('bash')}
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _slipway 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', script]);
    expect(stdout.split('\n').filter(Boolean)).toEqual(offered);
  });
});

async function written(shell: Shell): Promise<string> {
  const path = join(folder, `slipway.${shell}`);
  await writeFile(path, completionScript(shell, program));
  return path;
}
