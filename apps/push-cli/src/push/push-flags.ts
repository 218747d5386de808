import type { PushSettings } from '@slipway/client';
import type { OptionValues } from '@slipway/client/options';
import { usageError } from '../errors.ts';
import type { ClientFlags } from '../open-client.ts';

/** Options of every command that pushes something. */
export type DeliveryFlags = ClientFlags &
  Pick<PushSettings, 'dryRun' | 'force'> &
  Partial<Pick<OptionValues, 'username' | 'passwordStdin' | 'json' | 'quiet' | 'digestFile' | 'verbose'>> &
  Pick<OptionValues, 'progress'>;

/** The options of `slipway push` as commander hands them over. */
export type PushFlags = DeliveryFlags &
  Omit<PushSettings, 'learn'> & {
    /** `false` for `--no-learn`. */
    readonly learn?: PushSettings['learn'];
    readonly verifyLearnt?: boolean | undefined;
  };

/** The same after the checks that are this program's own: options that fit together are the client's to judge. */
export interface ReadPushFlags extends Omit<PushFlags, 'learn' | 'verifyLearnt'> {
  readonly learn: OptionValues['learn'];
}

/** @throws {CliError} `ERR_CLI_USAGE` */
export function readPushFlags(source: string, flags: PushFlags): ReadPushFlags {
  const read = readDeliveryFlags(flags);
  if (flags.passwordStdin === true && readsStandardInput(source)) {
    throw usageError(
      'standard input cannot carry both the image (-) and the password (--password-stdin)',
      'log in first with `slipway login`, or push from a file',
    );
  }
  const { verifyLearnt: _older, ...rest } = read;
  return { ...rest, learn: learnOf(flags) };
}

/** The checks of every command that pushes something. @throws {CliError} `ERR_CLI_USAGE` */
export function readDeliveryFlags<Flags extends DeliveryFlags>(flags: Flags): Flags {
  if (flags.passwordStdin === true && flags.username === undefined) {
    throw usageError('--password-stdin needs --username', 'name the user the password belongs to');
  }
  return flags.quiet === true ? { ...flags, progress: 'none' } : flags;
}

/** `--learn` and its two older names, which say the same in one word each. */
function learnOf({ learn = 'prove', verifyLearnt }: PushFlags): OptionValues['learn'] {
  const choice = learn === false ? 'off' : learn === true ? 'prove' : learn;
  if (verifyLearnt !== true) return choice;
  if (choice === 'prove' || choice === 'verify') return 'verify';
  throw usageError(`--learn ${choice} excludes --verify-learnt`, 'leave one of them out');
}

/** Whether the source text means standard input, with or without a transport before it. */
export function readsStandardInput(source: string): boolean {
  return /^(?:(?:docker-archive|oci-archive):)?-(?:$|:)/.test(source);
}
