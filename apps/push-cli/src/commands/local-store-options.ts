import type { Command } from 'commander';

/** Adds what every command of this machine's store takes: `--data-dir`, `--verbose`. */
export function addLocalStoreOptions(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'where the images lie (default: $SLIPWAY_DATA_DIR or the XDG data folder)')
    .option('-v, --verbose', 'print the causes of errors');
}
