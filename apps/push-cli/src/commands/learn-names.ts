import { type Command, Option } from 'commander';
import { usageError } from '../errors.ts';

/**
 * Adds the two older names of `--learn`: `--no-learn` says `--learn off`, `--verify-learnt` says `--learn verify`.
 * Beside it, or beside each other, they have to say the same.
 */
export function addLearnNames(command: Command): Command {
  const verifying = new Option('--verify-learnt', 'the same as --learn verify').preset('verify').hideHelp();
  verifying.attributeName = () => 'learn';
  command.addOption(new Option('--no-learn', 'the same as --learn off').preset('off').hideHelp()).addOption(verifying);
  const said = new Map<string, string>();
  command.on('option:learn', (value: string) => said.set('learn', value));
  command.on('option:no-learn', () => said.set('no-learn', 'off'));
  command.on('option:verify-learnt', () => said.set('verify-learnt', 'verify'));
  return command.hook('preAction', () => {
    if (new Set(said.values()).size < 2) return;
    const flags = [...said].map(([name, value]) => (name === 'learn' ? `--learn ${value}` : `--${name}`));
    throw usageError(flags.toSorted().join(' excludes '), 'leave one of them out');
  });
}
