import { Command } from 'commander';
import { expect, test } from 'vitest';
import { namedCommands } from './help-text.ts';
import { manualPage } from './manual-page.ts';

const program = new Command('tool').description('Does things.');
program
  .command('carry')
  .description('Carry a thing – far.')
  .argument('<thing>', 'what to carry')
  .option('-f, --force', 'carry it in any case; a \\ stays one')
  .addHelpText('after', "\nExamples:\n.hidden\n'quoted\n  tool carry stone");

test('every command has its words', () => {
  expect(namedCommands(program).map(({ name }) => name)).toEqual(['tool', 'tool carry']);
});

test('a page has each argument and option, and nothing that roff would take as a request', () => {
  const command = program.commands[0]!;
  const page = manualPage('tool carry', command, { version: '1.2.3', seeAlso: ['tool'] });
  expect(page).toBe(
    [
      '.TH "TOOL-CARRY" 1 "" "slipway 1.2.3" "Slipway"',
      '.SH NAME',
      'tool\\-carry \\- carry a thing \\[u2013] far',
      '.SH SYNOPSIS',
      '.B tool carry',
      '[options] <thing>',
      '.SH DESCRIPTION',
      'Carry a thing \\[u2013] far.',
      '.SH ARGUMENTS',
      '.TP',
      '.B thing',
      'what to carry',
      '.SH OPTIONS',
      '.TP',
      '.B \\-f, \\-\\-force',
      'carry it in any case; a \\e stays one',
      '.TP',
      '.B \\-h, \\-\\-help',
      'display help for command',
      '.SH NOTES',
      '.nf',
      'Examples:',
      '\\&.hidden',
      "\\&'quoted",
      '  tool carry stone',
      '.fi',
      '.SH SEE ALSO',
      '\\fBtool\\fR(1)',
      '',
    ].join('\n'),
  );
});
