import type { Command } from 'commander';
import { helpTextOf } from './help-text.ts';

/** What a manual page says besides the help of its command. */
export interface ManualOptions {
  readonly version: string;
  /** Names of the other pages, such as `slipway push`. */
  readonly seeAlso: readonly string[];
}

/**
 * The manual page of a command in section 1, in the `man` macros of roff.
 *
 * @see https://man7.org/linux/man-pages/man7/groff_man.7.html
 */
export function manualPage(name: string, command: Command, { version, seeAlso }: ManualOptions): string {
  const help = command.createHelp();
  const { after } = helpTextOf(command);
  const terms = (rows: readonly (readonly [term: string, text: string])[]): string[] =>
    rows.flatMap(([term, text]) => ['.TP', `.B ${escaped(term)}`, line(text)]);
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
  const children = help.visibleCommands(command);
  const lines = [
    `.TH ${quoted(fileNameOf(name).toUpperCase())} 1 "" ${quoted(`slipway ${version}`)} "Slipway"`,
    ...section('NAME', [`${escaped(fileNameOf(name))} \\- ${escaped(lowered(command.description()))}`]),
    ...section('SYNOPSIS', [`.B ${escaped(name)}`, line(usageBehindName(command, help.commandUsage(command)))]),
    ...section('DESCRIPTION', [line(command.description())]),
    ...section(
      'ARGUMENTS',
      terms(help.visibleArguments(command).map((each) => [help.argumentTerm(each), help.argumentDescription(each)])),
    ),
    ...section(
      'OPTIONS',
      terms(help.visibleOptions(command).map((each) => [help.optionTerm(each), help.optionDescription(each)])),
    ),
    ...section(
      'COMMANDS',
      terms(children.map((each) => [help.subcommandTerm(each), help.subcommandDescription(each)])),
    ),
    ...section('NOTES', after === '' ? [] : ['.nf', ...after.split('\n').map(line), '.fi']),
    ...section('SEE ALSO', [seeAlso.map((page) => `\\fB${escaped(fileNameOf(page))}\\fR(1)`).join(', ')]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `slipway-push` for `slipway push`: how pages of programs with commands are called. */
export function fileNameOf(name: string): string {
  return name.replaceAll(' ', '-');
}

/** The usage without the words that call the command. */
function usageBehindName(command: Command, usage: string): string {
  const name = ` ${command.name()} `;
  return usage.startsWith(name.trimStart())
    ? usage.slice(name.length - 1)
    : usage.slice(usage.indexOf(name) + name.length);
}

/** A line must not begin as a request. */
function line(text: string): string {
  return /^[.']/.test(text) ? `\\&${escaped(text)}` : escaped(text);
}

/** Backslashes and the hyphens of options are characters, and nothing is beyond ASCII: every `man` prints that. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\0-\x7f]/g, (letter) => `\\[u${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

function quoted(text: string): string {
  return `"${text}"`;
}

function lowered(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1).replace(/\.$/, '')}`;
}
