import { type CommandModel, type OptionModel, pathTransports } from './command-model.ts';

/** A script for zsh's own completion system: one function a command, each a call of `_arguments`. */
export function zshScript(models: readonly CommandModel[]): string {
  return `#compdef slipway
# zsh completion for slipway

# All values, and those of them of which several may stand with commas between.
_slipway_list() {
  local -a offered=(\${=1}) begun
  if [[ $PREFIX == *,* ]]; then
    offered=(\${=2}) begun=(\${(s:,:)\${PREFIX%,*}})
    (( \${#begun:|offered} )) && return 1
    offered=(\${offered:|begun})
    compset -P '*,'
  fi
  compadd -S '' -a offered
}

_slipway_source() {
  compset -P '(${pathTransports.join('|')}):'
  _files "$@"
}

${models.map(commandFunction).join('\n\n')}

if [ "$funcstack[1]" = "_slipway" ]; then
  _slipway "$@"
else
  compdef _slipway slipway
fi
`;
}

function commandFunction(model: CommandModel): string {
  const specs = model.options.map(optionSpec);
  if (model.commands.length > 0) {
    const names = model.commands.map(({ name, description }) => `    '${name}:${plain(description)}'`).join('\n');
    const cases = model.commands
      .map(({ name }) => `        ${name}) ${functionName([...model.path, name])} ;;`)
      .join('\n');
    return `${functionName(model.path)}() {
  local curcontext="$curcontext" state line
  local -a commands=(
${names}
  )
  _arguments -C ${[...specs, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    command) _describe 'command' commands ;;
    rest)
      case $line[1] in
${cases}
      esac ;;
  esac
}`;
  }
  if (model.argumentValues.length > 0) specs.push(`'1:argument:(${model.argumentValues.join(' ')})'`);
  else if (model.takesFiles) specs.push("'1:source:_slipway_source'", "'*:destination:'");
  return `${functionName(model.path)}() {
  _arguments ${specs.length === 0 ? "'*: :'" : specs.join(' \\\n    ')}
}`;
}

function optionSpec(option: OptionModel): string {
  // A value may stand in the next word, or in the same one: behind `=`, or behind the letter.
  const forms = option.names.map((name) => (option.takesValue ? `${name}${name.startsWith('--') ? '=' : '+'}` : name));
  const names = forms.length > 1 ? `'(${option.names.join(' ')})'{${forms.join(',')}}` : `${forms[0]}`;
  const value = option.takesValue ? `:value:${valueAction(option)}` : '';
  const rest = `'[${plain(option.description)}]${value}'`;
  return option.names.length > 1 ? `${names}${rest}` : `'${names}'${rest}`;
}

function valueAction(option: OptionModel): string {
  switch (option.completes) {
    case 'values':
      return `(${inSpec(option.values)})`;
    case 'list':
      // The space keeps what _arguments would put between the name and these.
      return ` _slipway_list "${inSpec(option.values)}" "${inSpec(option.members)}"`;
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'nothing':
      return '';
    default:
      return option.completes satisfies never;
  }
}

function functionName(path: readonly string[]): string {
  return ['_slipway', ...path].join('_');
}

/** A colon ends an action of `_arguments`. */
function inSpec(values: readonly string[]): string {
  return values.join(' ').replaceAll(':', '\\:');
}

/** Without what `_arguments` and quotes give a meaning to. */
function plain(text: string): string {
  return text.replaceAll("'", '’').replace(/[[\]]/g, '').replaceAll(':', '\\:').replace(/\.$/, '');
}
