import { type OptionEntry, optionTable } from '@slipway/client/options';
import type { Command, Option } from 'commander';

/** What a completion script knows of an option. */
export interface OptionModel {
  /** `--progress`, and `-q` where there is a short form. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Values to offer; empty for free ones. */
  readonly values: readonly string[];
  /** Those of the values that may stand in a list with others, each once. */
  readonly members: readonly string[];
  readonly completes: 'values' | 'list' | 'files' | 'folders' | 'nothing';
}

/** What a completion script knows of a command; the words that lead to it are its path. */
export interface CommandModel {
  /** `[]` for the program itself, `['registry', 'serve']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionModel[];
  /** Values of the first argument, where it offers a choice. */
  readonly argumentValues: readonly string[];
  /** The command takes paths. */
  readonly takesFiles: boolean;
}

/** Reads the program's own definition, so that a script never knows other options than the program. */
export function commandModels(program: Command): readonly CommandModel[] {
  return modelsOf(program, []);
}

function modelsOf(command: Command, path: readonly string[]): readonly CommandModel[] {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((child) => ({ name: child.name(), description: child.description() }));
  const [argument] = command.registeredArguments;
  const model: CommandModel = {
    path,
    description: command.description(),
    commands,
    options: help.visibleOptions(command).map((option) => {
      const takesValue = option.required || option.optional;
      const values = option.argChoices ?? [];
      return {
        names: [option.long, option.short].filter((name) => name !== undefined),
        description: option.description.split('(')[0]?.trim() ?? '',
        takesValue,
        values,
        members: membersOf(option),
        completes: values.length > 0 ? valueKindOf(option) : pathKindOf(option.flags),
      };
    }),
    argumentValues: argument?.argChoices ?? [],
    takesFiles: argument?.name() === 'source',
  };
  const below = command.commands.flatMap((child) => modelsOf(child, [...path, child.name()]));
  return commands.length === 0 ? [model] : [model, ...below, ...helpModelsOf(command, [...path, 'help'])];
}

/** Commander's own help command is no command among the others, though it is shown as one: it is followed by these. */
function helpModelsOf(command: Command, path: readonly string[]): readonly CommandModel[] {
  const commands = command.commands.map((child) => ({ name: child.name(), description: child.description() }));
  const below = command.commands.flatMap((child) => helpModelsOf(child, [...path, child.name()]));
  const description = 'print help for a command';
  return [{ path, description, commands, options: [], argumentValues: [], takesFiles: false }, ...below];
}

function valueKindOf(option: Option): 'values' | 'list' {
  return membersOf(option).length > 0 ? 'list' : 'values';
}

/** Commander knows nothing of lists with commas. */
function membersOf(option: Option): readonly string[] {
  const table: Readonly<Record<string, OptionEntry | undefined>> = optionTable;
  return (option.argChoices && table[option.attributeName()]?.kind.joinedChoices) ?? [];
}

/** The transports of a SOURCE that have a path behind them. */
export const pathTransports: readonly string[] = ['docker-archive', 'oci', 'oci-archive', 'dir'];
/** Those that have a name. */
export const nameTransports: readonly string[] = ['docker', 'docker-daemon', 'store'];

function pathKindOf(flags: string): 'files' | 'folders' | 'nothing' {
  if (flags.includes('<folder>')) return 'folders';
  return flags.includes('<file>') ? 'files' : 'nothing';
}
