import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
const progressKinds = optionTable.progress.kind.choices ?? [];
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
    ['a value behind =', ['slipway', 'push', '--verify=d'], ['--verify=digest', '--verify=diffid']],
    [
      'all values behind =',
      ['slipway', 'job', 'watch', '--progress='],
      progressKinds.map((kind) => `--progress=${kind}`),
    ],
    ['a value with a colon', ['slipway', 'push', '--compression', 'zstd:'], ['zstd:chunked']],
    ['the same behind =', ['slipway', 'push', '--compression=zstd:c'], ['--compression=zstd:chunked']],
    ['a further one of a list behind =', ['slipway', 'push', '--compression=none,e'], ['--compression=none,estargz']],
    [
      'a further one after one with a colon',
      ['slipway', 'push', '--compression=zstd:chunked,n'],
      ['--compression=zstd:chunked,none'],
    ],
    ['nothing beside what stands alone', ['slipway', 'push', '--compression', 'keep,'], []],
    [
      'none of a list twice',
      ['slipway', 'push', '--compression', 'none,estargz,gzip,'],
      ['none,estargz,gzip,zstd', 'none,estargz,gzip,zstd:chunked'],
    ],
    ['files behind =', ['slipway', 'push', '--digest-file=im'], ['--digest-file=image.tar']],
    ['folders behind =', ['slipway', 'push', '--data-dir=c'], ['--data-dir=certificates']],
    ['nothing behind the = of a switch', ['slipway', 'push', '--json='], []],
    ['files behind a transport', ['slipway', 'load', 'oci-archive:ima'], ['oci-archive:image.tar']],
    ['nothing for a tag behind a path', ['slipway', 'inspect', 'oci:certificates:i'], []],
    ['nothing for a name', ['slipway', 'push', 'docker://quay.io/image:i'], []],
    ['commands after an option with =', ['slipway', '--daemon=tcp://farm:2376', 'job', 'ca'], ['cancel']],
    ['options after a reference with colons', ['slipway', 'push', 'oci:a:b', 'farm:5000/a:b', '--dry'], ['--dry-run']],
  ])('%s', async (_, words, offered) => {
    const work = join(folder, 'work');
    await mkdir(join(work, 'certificates'), { recursive: true });
    await writeFile(join(work, 'image.tar'), '');
    // Also for those who have taken = and : out of COMP_WORDBREAKS.
    for (const isSplit of [true, false]) {
      const pieces = words.flatMap((word) =>
        (isSplit ? word.split(/([=:]+)/) : [word]).filter((piece) => piece !== ''),
      );
      const isNew = words.at(-1) === '';
      const typed = [...pieces, ...(isNew ? [''] : [])];
      const script = `
        cd ${work}; . ${await written('bash')}
        COMP_LINE='${words.join(' ')}' COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')})
        COMP_CWORD=${typed.length - 1}
        _slipway 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await run('bash', ['-c', script]);
      // Readline keeps what stands before the last piece, and all where that is = or :.
      const piece = typed.at(-1)!;
      const kept = words.at(-1)!.slice(0, /^[=:]/.test(piece) ? undefined : words.at(-1)!.length - piece.length);
      expect(
        stdout
          .split('\n')
          .filter(Boolean)
          .map((reply) => kept + reply),
      ).toEqual(offered);
    }
  });
});

describe.skipIf(findTool('fish') === undefined)('in fish', () => {
  test.each([
    ['commands of a group for help', 'slipway help registry ', ['serve']],
    ['states of jobs', 'slipway job list --state c', ['cancelled']],
    ['a further one of a list', 'slipway push --compression zstd,es', ['zstd,estargz']],
    ['a value behind =', 'slipway push --learn=of', ['--learn=off']],
    ['a further one of a list behind =', 'slipway push --compression=none,gz', ['--compression=none,gzip']],
    [
      'none of a list twice',
      'slipway push --compression none,zstd,gzip,',
      ['none,zstd,gzip,estargz', 'none,zstd,gzip,zstd:chunked'],
    ],
    ['nothing beside what stands alone', 'slipway push --compression keep,', []],
  ])('%s', async (_, line, offered) => {
    const { stdout } = await run('fish', [
      ...['--no-config', '-c', `source ${await written('fish')}; complete -C '${line}'`],
    ]);
    const words = stdout.split('\n').flatMap((row) => row.split('\t')[0] || []);
    expect(words).toEqual(offered);
  });
});

// What zsh is told of the words that fit: its own completion needs a terminal.
describe.skipIf(findTool('zsh') === undefined)('the list of zsh', () => {
  test.each([
    ['', ['keep', 'gzip', 'zstd', 'zstd:chunked', 'estargz', 'none']],
    ['gzip,', ['zstd', 'zstd:chunked', 'estargz', 'none']],
    ['zstd:chunked,estargz,n', ['gzip', 'zstd', 'none']],
    ['keep,', []],
  ])('after %j', async (typed, offered) => {
    const values = "'keep gzip zstd zstd:chunked estargz none' 'gzip zstd zstd:chunked estargz none'";
    const script = `
      compset() { : }; compadd() { print -l -- $offered }; compdef() { : }
      . ${await written('zsh')}; PREFIX='${typed}'; _slipway_list ${values}`;
    const { stdout } = await run('zsh', ['-f', '-c', `${script} || true`]);
    expect(stdout.split('\n').filter(Boolean)).toEqual(offered);
  });
});

async function written(shell: Shell): Promise<string> {
  const path = join(folder, `slipway.${shell}`);
  await writeFile(path, completionScript(shell, program));
  return path;
}
