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

const jobCommands = ['submit', 'list', 'show', 'watch', 'cancel', 'retry'];
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
      expect(script.replaceAll('\\:', ':')).toContain(values.join(' '));
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
    ['commands of a group for help', ['slipway', 'help', 'job', ''], jobCommands],
    ['commands for a group’s own help', ['slipway', 'artifact', 'help', 'a'], ['attach']],
    ['nothing after all commands for help', ['slipway', 'help', 'artifact', 'push', ''], []],
    ['states of jobs', ['slipway', 'job', 'list', '--state', 'p'], ['pushed', 'planned']],
    ['the first of a list', ['slipway', 'push', '--compression', 'gz'], ['gzip']],
    ['a further one of a list', ['slipway', 'push', '--compression', 'gzip,no'], ['gzip,none']],
    ['a third one of a list', ['slipway', 'job', 'submit', '--compression', 'none,gzip,e'], ['none,gzip,estargz']],
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

describe.skipIf(findTool('fish') === undefined)('in fish', () => {
  test.each([
    ['commands of a group for help', 'slipway help registry ', ['serve']],
    ['states of jobs', 'slipway job list --state c', ['cancelled']],
    ['a further one of a list', 'slipway push --compression zstd,es', ['zstd,estargz']],
  ])('%s', async (_, line, offered) => {
    const { stdout } = await run('fish', [
      ...['--no-config', '-c', `source ${await written('fish')}; complete -C '${line}'`],
    ]);
    const words = stdout.split('\n').flatMap((row) => row.split('\t')[0] || []);
    expect(words).toEqual(offered);
  });
});

async function written(shell: Shell): Promise<string> {
  const path = join(folder, `slipway.${shell}`);
  await writeFile(path, completionScript(shell, program));
  return path;
}
