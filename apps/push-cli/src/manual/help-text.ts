import type { Command } from 'commander';

/** The help of a command as it is printed for a width, and of it what stands behind arguments and options. */
export interface HelpText {
  /** All of it, without a line break at its end. */
  readonly whole: string;
  /** What explains and shows: sources, exit codes, examples. Empty for most commands. */
  readonly after: string;
}

/** What `slipway help COMMAND` prints. */
export function helpTextOf(command: Command): HelpText {
  let whole = '';
  const write = (text: string): void => {
    whole += text;
  };
  const printed = command.configureOutput({ writeOut: write, getOutHelpWidth: () => 100 });
  printed.outputHelp();
  return { whole: whole.trimEnd(), after: whole.slice(command.helpInformation().length).trim() };
}

/** A command and all below it, in the order of the help, by the words that call them: `slipway artifact push`. */
export function namedCommands(command: Command, before = ''): readonly { name: string; command: Command }[] {
  const name = `${before}${command.name()}`;
  const below = command.commands.filter((child) => child.name() !== 'help');
  return [{ name, command }, ...below.flatMap((child) => namedCommands(child, `${name} `))];
}
