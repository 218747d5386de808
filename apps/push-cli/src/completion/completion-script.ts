import type { Command } from 'commander';
import { bashScript } from './bash-script.ts';
import { commandModels } from './command-model.ts';
import { fishScript } from './fish-script.ts';
import type { Shell } from './shells.ts';
import { zshScript } from './zsh-script.ts';

/** The script that completes this program in a shell: commands, options, their values, file names. */
export function completionScript(shell: Shell, program: Command): string {
  const models = commandModels(program);
  switch (shell) {
    case 'bash':
      return bashScript(models);
    case 'zsh':
      return zshScript(models);
    case 'fish':
      return fishScript(models);
    default:
      return shell satisfies never;
  }
}
