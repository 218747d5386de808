import { Argument, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { type Shell, shells } from '../completion/shells.ts';

/** `slipway completion bash|zsh|fish` */
export function addCompletionCommand(program: Command, context: CommandContext): void {
  program
    .command('completion')
    .description('Print a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText(
      'after',
      `
Install it:
  bash   slipway completion bash > ~/.local/share/bash-completion/completions/slipway
  zsh    slipway completion zsh > ~/.zsh/_slipway        # a folder of $fpath
  fish   slipway completion fish > ~/.config/fish/completions/slipway.fish`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../completion/completion-script.ts');
      context.stdout.write(completionScript(shell, program));
    });
}
