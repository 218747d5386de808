import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import type { CommandContext } from './command-context.ts';
import { readEnvironment } from './environment.ts';
import { run } from './main.ts';
import { createProgram } from './program.ts';
import { version } from './version.ts';

describe('wrong usage is exit code 2, with a way out', () => {
  test.each([
    ['an unknown command', ['psh'], "unknown command 'psh'", 'Did you mean push?'],
    [
      'an unknown option',
      ['push', 'a', 'b', '--plaform', 'x'],
      "unknown option '--plaform'",
      'Did you mean --platform?',
    ],
    ['an unknown command below a command', ['registry', 'srve'], "unknown command 'srve'", 'Did you mean serve?'],
    ['a missing destination', ['push', 'image.tar'], "missing required argument 'destination'", 'slipway help'],
    ['a missing value', ['push', 'a', 'b', '--format'], "option '--format <format>' argument missing", 'slipway help'],
    [
      'a value that is none',
      ['push', 'a', 'b', '--format', 'tar'],
      'Allowed choices are keep, docker, oci',
      'slipway help',
    ],
    ['a number that is none', ['push', 'a', 'b', '--concurrency', 'many'], 'Expected a whole number', 'slipway help'],
    ['a rate that is none', ['push', 'a', 'b', '--limit-rate', 'fast'], 'such as 500k', 'slipway help'],
    ['a shell that is none', ['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish', 'slipway help'],
    ['a bad reference', ['push', 'a', 'ghcr.io/Me/app'], 'must be lowercase', 'ghcr.io/me/app'],
    ['a dry run over v1', ['push', 'a', 'b', '--format', 'v1', '--dry-run'], 'cannot ask', 'leave it out'],
    [
      'a registry for the whole world',
      ['registry', 'serve', '--host', '0.0.0.0'],
      'lets anybody push',
      '--allow-remote',
    ],
    ['a registry that is none', ['logout', 'ghcr.io/me'], '"ghcr.io/me" is no registry', 'such as ghcr.io'],
    ['a login that cannot ask', ['login', 'ghcr.io'], '--username is needed', '--password-stdin'],
  ])('%s', async (_, args, message, hint) => {
    const { code, stdout, stderr } = await runWith(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    const [first = '', second = '', ...rest] = stderr.split('\n').filter(Boolean);
    expect(first).toMatch(/^slipway: /);
    expect(first).toContain(message);
    expect(second).toMatch(/^ {2}hint: /);
    expect(second).toContain(hint);
    expect(rest).toEqual([]);
  });

  test('no arguments show the help on standard error', async () => {
    const { code, stdout, stderr } = await runWith([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: slipway');
  });
});

test.each([
  [['help', 'nope'], 'see `slipway help`'],
  [['help', 'job', 'nope'], 'see `slipway help job`'],
  [['help', 'nope', 'submit'], 'see `slipway help`'],
])('help of a command that is not there: %j', async (args, hint) => {
  const { code, stdout, stderr } = await runWith(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain("unknown command 'nope'");
  expect(stderr).toContain(hint);
});

describe('what was asked for goes to standard output', () => {
  test.each([
    [['--version'], version],
    [['--help'], 'Usage: slipway'],
    [['help'], 'Usage: slipway'],
    [['help', 'push'], 'Usage: slipway push'],
    [['help', 'job', 'submit'], 'Usage: slipway job submit'],
    [['help', 'job', '--help'], 'Usage: slipway job'],
    [['help', 'registry', 'serve'], 'Usage: slipway registry serve'],
    [['push', '--help'], 'Exit codes:'],
    [['registry', 'serve', '--help'], 'Usage: slipway registry serve'],
    [['completion', 'bash'], 'complete -o bashdefault -F _slipway slipway'],
  ])('%j', async (args, text) => {
    const { code, stdout, stderr } = await runWith(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(text);
  });
});

test('help names every option of the contract', async () => {
  const { stdout } = await runWith(['push', '--help']);
  for (const option of `all-tags into tags newer-than platform format compression compression-level compressor concurrency limit-rate retries dry-run
    allow-nondistributable plain-http insecure cert-dir authfile username password-stdin data-dir progress json quiet
    digest-file verbose timeout verify learn learn-from force no-cache`.split(/\s+/)) {
    expect(stdout).toContain(`--${option}`);
  }
});

describe('an empty text is refused before anything is done, with the name of what it was given to', () => {
  const commandsOf = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(commandsOf)];
  const wordsOf = (command: Command | null): string[] =>
    command?.parent ? [...wordsOf(command.parent), command.name()] : [];
  const leaves = commandsOf(createProgram(contextOf().context)).filter(({ commands }) => commands.length === 0);

  const options = leaves.flatMap((command) => {
    const args = command.registeredArguments.map(({ argChoices }) => argChoices?.[0] ?? 'x');
    const all = [...command.options, ...(command.parent?.parent ? [] : command.parent!.options)];
    return all.flatMap((option): [string, string, string[]][] =>
      option.required || option.optional ? [[`${wordsOf(command).join(' ')} ${option.long}`, option.flags, args]] : [],
    );
  });
  test.each(options)('%s', async (call, flags, args) => {
    for (const blank of ['', ' ']) {
      const { code, stderr } = await runWith(
        [...call.split(' '), ...args].map((arg) => (arg.startsWith('--') ? `${arg}=${blank}` : arg)),
      );
      expect([code, stderr]).toEqual([2, expect.stringContaining(`option '${flags}'`)]);
      expect(stderr).toMatch(/argument ' ?' is invalid\. (?:Expected|Allowed) /);
    }
  });

  const positions = leaves.flatMap((command) =>
    command.registeredArguments.map((argument, at): [string, string, string[]] => [
      `${wordsOf(command).join(' ')}: ${argument.name()}`,
      argument.name(),
      [...wordsOf(command), ...command.registeredArguments.map((_, place) => (place === at ? '' : 'x'))],
    ]),
  );
  test.each(positions)('%s', async (_, name, args) => {
    const { code, stderr } = await runWith(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`argument '${name}'`)]);
  });

  test.each<[readonly string[], string]>([
    [['push', 'x', 'y', '--allow-nondistributable=a.example', '--allow-nondistributable='], '--allow-nondistributable'],
    [['push', 'x', 'y', '--compression', 'gzip,,zstd'], '--compression'],
    [['load', 'x', '--tag', 'a', '--tag', ''], '--tag'],
    [['artifact', 'push', 'x', 'y', '-a', 'a=b', '-a', ' '], '--annotation'],
    [['job', 'list', '--state', 'failed', ''], '--state'],
    [['push', 'x', 'y', ''], 'destination'],
    [['--daemon=', 'job', 'list'], '--daemon'],
  ])('%j', async (args, named) => {
    const { code, stderr } = await runWith(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(named)]);
  });
});

function contextOf(): { context: CommandContext; stdout: PassThrough; stderr: PassThrough } {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const context: CommandContext = {
    environment: readEnvironment({}),
    stdin: new PassThrough(),
    stdout,
    stderr,
    signal: new AbortController().signal,
    exitCode: 0,
    asked: undefined,
    hasResults: false,
    onFailure: undefined,
    onForcedExit: undefined,
    onInterrupted: undefined,
  };
  return { context, stdout, stderr };
}

async function runWith(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { context, stdout, stderr } = contextOf();
  const code = await run(args, context);
  const read = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: read(stdout), stderr: read(stderr) };
}
