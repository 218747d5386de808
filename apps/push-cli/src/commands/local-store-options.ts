import type { Command } from 'commander';

/** What every command of this machine's store takes. */
export interface LocalStoreOptions {
  /** @default the environment's data folder */
  readonly dataDir?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/** Adds `--data-dir` and `--verbose`. */
export function addLocalStoreOptions(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'where the images lie (default: $SLIPWAY_DATA_DIR or the XDG data folder)')
    .option('-v, --verbose', 'print the causes of errors');
}
