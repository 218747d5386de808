import { type CommandModel, nameTransports, type OptionModel, pathTransports } from './command-model.ts';

/**
 * A script for bash 4 and later, with or without the bash-completion package. It walks the words to find the command,
 * then offers its commands and options, or the values of the option before the cursor.
 *
 * Bash splits words at the characters of COMP_WORDBREAKS, `=` and `:` among them, and completes only what follows the
 * last of those. The script puts the words together as they were typed, and takes off what bash keeps.
 */
export function bashScript(models: readonly CommandModel[]): string {
  return `# bash completion for slipway
_slipway() {
  local line=$COMP_LINE words=() last=-1 path= before= option= current previous whole kept piece rest word i
  COMPREPLY=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=\${COMP_WORDS[i]}
    rest=\${line#"\${line%%[![:space:]]*}"}
    if ((last >= 0)) && [[ -n $piece && $rest == "$line" && $rest == "$piece"* ]]; then
      words[last]+=$piece
    else
      words[++last]=$piece
    fi
    line=\${rest#"$piece"}
  done
  whole=\${words[last]} previous=\${words[last-1]}
  [[ $piece == [=:]* ]] && piece=
  kept=\${whole%"$piece"}
  for ((i = 1; i < last; i++)); do
    word=\${words[i]}
    case "$path $word" in
${models.flatMap(pathCases).join('\n')}
    esac
  done
  [[ $whole == --*=* ]] && option=\${whole%%=*} before=\${whole%%=*}= previous=$option
  current=\${whole#"$before"}
  compopt +o bashdefault 2>/dev/null
  _slipway_offer
  for i in "\${!COMPREPLY[@]}"; do
    word=$before\${COMPREPLY[i]}
    COMPREPLY[i]=\${word#"$kept"}
  done
}

_slipway_offer() {
  case "$path" in
${models.map(commandCase).join('\n')}
  esac
}

_slipway_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# All values, and those of them of which several may stand with commas between.
_slipway_list() {
  local begun= offered=" $1 " member
  if [[ $current == *,* ]]; then
    begun=\${current%,*}, offered=" $2 "
    while IFS= read -r -d , member; do
      [[ $offered == *" $member "* ]] || return
      offered=\${offered/" $member "/ }
    done <<<"$begun"
  fi
  mapfile -t COMPREPLY < <(compgen -P "$begun" -W "$offered" -- "\${current##*,}")
}

_slipway_files() {
  compopt -o filenames -o bashdefault 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}

_slipway_source() {
  case "$current" in
    ${pathTransports.map((name) => `${name}:*`).join('|')})
      before=\${current%%:*}:
      current=\${current#*:}
      if [[ $current != *:* ]]; then _slipway_files -f; fi ;;
    ${nameTransports.map((name) => `${name}:*`).join('|')}) ;;
    *) _slipway_files -f ;;
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
      if [[ -n $option ]]; then return; fi
      case "$current" in
        -*) _slipway_words ${quoted(flags)} ;;
        *) ${wordReply(words, model.takesFiles)} ;;
      esac ;;`.replace(/ {6}case "\$previous" in\n\n {6}esac\n/, '');
}

function valueReply(option: OptionModel): string {
  switch (option.completes) {
    case 'values':
      return `_slipway_words ${quoted(option.values.join(' '))}`;
    case 'list':
      return `_slipway_list ${quoted(option.values.join(' '))} ${quoted(option.members.join(' '))}`;
    case 'files':
      return '_slipway_files -f';
    case 'folders':
      return '_slipway_files -d';
    case 'nothing':
      return ':';
    default:
      return option.completes satisfies never;
  }
}

function wordReply(words: string, takesFiles: boolean): string {
  if (takesFiles) return '_slipway_source';
  return words === '' ? ':' : `_slipway_words ${quoted(words)}`;
}

function pathText(path: readonly string[]): string {
  return path.map((name) => `/${name}`).join('');
}

function quoted(text: string): string {
  return `'${text}'`;
}
