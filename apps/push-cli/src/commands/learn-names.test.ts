import { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { addLearnNames } from './learn-names.ts';

async function parsed(args: readonly string[]): Promise<{ readonly value: unknown; readonly source: unknown }> {
  const choices = ['prove', 'verify', 'trust', 'off'];
  const command = addLearnNames(new Command('push'))
    .addOption(new Option('--learn <how>').choices(choices).default('prove'))
    .action(() => {});
  await command.parseAsync(args, { from: 'user' });
  return { value: command.getOptionValue('learn'), source: command.getOptionValueSource('learn') };
}

describe('the older names of --learn', () => {
  test.each<[readonly string[], string]>([
    [['--no-learn'], 'off'],
    [['--verify-learnt'], 'verify'],
    [['--learn', 'off', '--no-learn'], 'off'],
    [['--verify-learnt', '--learn=verify'], 'verify'],
    [['--learn', 'verify', '--learn', 'trust'], 'trust'],
  ])('%j is --learn %s', async (args, value) => {
    expect(await parsed(args)).toEqual({ value, source: 'cli' });
  });

  test('without any, the default holds', async () => {
    expect(await parsed([])).toEqual({ value: 'prove', source: 'default' });
  });

  test.each<[string, readonly string[]]>([
    ['--learn trust excludes --no-learn', ['--learn', 'trust', '--no-learn']],
    ['--learn trust excludes --no-learn', ['--no-learn', '--learn=trust']],
    ['--learn prove excludes --no-learn', ['--no-learn', '--learn', 'prove']],
    ['--learn prove excludes --verify-learnt', ['--learn', 'prove', '--verify-learnt']],
    ['--learn off excludes --verify-learnt', ['--verify-learnt', '--learn', 'off']],
    ['--no-learn excludes --verify-learnt', ['--verify-learnt', '--no-learn']],
  ])('%s: %j', async (message, args) => {
    await expect(parsed(args)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CLI_USAGE', message, hint: 'leave one of them out' }),
    );
  });
});
