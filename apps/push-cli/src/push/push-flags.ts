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
export type PushFlags = DeliveryFlags & PushSettings;

/**
 * Makes the checks that are this program's own: options that fit together are the client's to judge.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function readPushFlags(source: string, flags: PushFlags): PushFlags {
  const read = readDeliveryFlags(flags);
  if (flags.passwordStdin === true && readsStandardInput(source)) {
    throw usageError(
      'standard input cannot carry both the image (-) and the password (--password-stdin)',
      'log in first with `slipway login`, or push from a file',
    );
  }
  return read;
}

/** The checks of every command that pushes something. @throws {CliError} `ERR_CLI_USAGE` */
export function readDeliveryFlags<Flags extends DeliveryFlags>(flags: Flags): Flags {
  if (flags.passwordStdin === true && flags.username === undefined) {
    throw usageError('--password-stdin needs --username', 'name the user the password belongs to');
  }
  return flags.quiet === true ? { ...flags, progress: 'none' } : flags;
}

/** Whether the source text means standard input, with or without a transport before it. */
export function readsStandardInput(source: string): boolean {
  return /^(?:(?:docker-archive|oci-archive):)?-(?:$|:)/.test(source);
}
