import type { CommandModel, OptionModel } from './command-model.ts';

/** A script for fish: one `complete` a command and option, each under the condition that its command was typed. */
export function fishScript(models: readonly CommandModel[]): string {
  const lines = models.flatMap((model) => [
    ...model.commands.map(
      ({ name, description }) => `${begin(model, models)} -f -a ${quoted(name)} -d ${quoted(description)}`,
    ),
    ...(model.argumentValues.length > 0
      ? [`${begin(model, models)} -f -a ${quoted(model.argumentValues.join(' '))}`]
      : []),
    ...(model.takesFiles ? [`${begin(model, models)} -F`] : []),
    ...model.options.map((option) => `${begin(model, models)} ${optionFlags(option)} -d ${quoted(option.description)}`),
  ]);
  return `# fish completion for slipway

# All values, and those of them of which several may stand with commas between.
function __slipway_list -a all joined
    set -l value (string replace -r -- '^--[a-z0-9-]+=' '' (commandline -ct))
    if not string match -q '*,*' -- $value
        string split ' ' -- $all
        return
    end
    set -l begun (string split , -- $value)[1..-2]
    set -l offered (string split ' ' -- $joined)
    for member in $begun
        set -l at (contains -i -- $member $offered); or return
        set -e offered[$at]
    end
    for member in $offered
        string join , -- $begun $member
    end
end

complete -c slipway -f
${lines.join('\n')}
`;
}

function begin({ path, commands }: CommandModel, models: readonly CommandModel[]): string {
  if (path.length === 0) return 'complete -c slipway -n __fish_use_subcommand';
  const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`);
  const below = models.some(
    (other) => other.path.length > path.length && path.every((name, index) => other.path[index] === name),
  );
  const names = commands.map(({ name }) => name).join(' ');
  const conditions = below ? [...seen, `not __fish_seen_subcommand_from ${names}`] : seen;
  return `complete -c slipway -n ${quoted(conditions.join('; and '))}`;
}

function optionFlags({ names, takesValue, values, members, completes }: OptionModel): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  if (!takesValue) return flags.join(' ');
  switch (completes) {
    case 'values':
      return [...flags, '-x -a', quoted(values.join(' '))].join(' ');
    case 'list':
      return [...flags, '-x -a', quoted(`(__slipway_list "${values.join(' ')}" "${members.join(' ')}")`)].join(' ');
    case 'files':
      return [...flags, '-r -F'].join(' ');
    case 'folders':
      return [...flags, "-x -a '(__fish_complete_directories)'"].join(' ');
    case 'nothing':
      return [...flags, '-x'].join(' ');
    default:
      return completes satisfies never;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
