import type { CommandModel, OptionModel } from './command-model.ts';

/**
 * A script for bash 4 and later, with or without the bash-completion package. It walks the words to find the command,
 * then offers its commands and options, or the values of the option before the cursor.
 */
export function bashScript(models: readonly CommandModel[]): string {
  return `# bash completion for slipway
_slipway() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= begun= word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
${models.flatMap(pathCases).join('\n')}
    esac
  done
  case "$path" in
${models.map(commandCase).join('\n')}
  esac
}
complete -o bashdefault -F _slipway slipway
`;
}

function pathCases({ path, commands }: CommandModel): readonly string[] {
  return commands.map(
    ({ name }) => `      ${quoted([pathText(path), name].join(' '))}) path=${quoted(pathText([...path, name]))} ;;`,
  );
}

function commandCase(model: CommandModel): string {
  const flags = model.options.flatMap(({ names }) => names).join(' ');
  const words = [...model.commands.map(({ name }) => name), ...model.argumentValues].join(' ');
  const valued = model.options.filter(({ takesValue }) => takesValue);
  return `    ${quoted(pathText(model.path))})
      case "$previous" in
${valued.map((option) => `        ${option.names.join('|')}) ${valueReply(option)}; return ;;`).join('\n')}
      esac
      case "$current" in
        -*) mapfile -t COMPREPLY < <(compgen -W ${quoted(flags)} -- "$current") ;;
        *) ${wordReply(words, model.takesFiles)} ;;
      esac ;;`.replace(/ {6}case "\$previous" in\n\n {6}esac\n/, '');
}

function valueReply(option: OptionModel): string {
  switch (option.completes) {
    case 'values':
      return `mapfile -t COMPREPLY < <(compgen -W ${quoted(option.values.join(' '))} -- "$current")`;
    case 'list':
      return (
        `[[ $current == *,* ]] && begun=\${current%,*},; mapfile -t COMPREPLY < <(compgen -P "$begun" ` +
        `-W ${quoted(option.values.join(' '))} -- "\${current##*,}")`
      );
    case 'files':
      return filesReply('-f');
    case 'folders':
      return filesReply('-d');
    case 'nothing':
      return ':';
    default:
      return option.completes satisfies never;
  }
}

function wordReply(words: string, takesFiles: boolean): string {
  if (takesFiles) return filesReply('-f');
  return words === '' ? ':' : `mapfile -t COMPREPLY < <(compgen -W ${quoted(words)} -- "$current")`;
}

function filesReply(kind: '-f' | '-d'): string {
  return `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen ${kind} -- "$current")`;
}

function pathText(path: readonly string[]): string {
  return path.map((name) => `/${name}`).join('');
}

function quoted(text: string): string {
  return `'${text}'`;
}
