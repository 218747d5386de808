import type { ArtifactParts, PushSettings } from '@slipway/client';
import { usageError } from '../errors.ts';
import type { DeliveryFlags } from '../push/push-flags.ts';
import { readFileArgument } from './file-argument.ts';

/** What is said of an artifact beside its files. */
export interface ArtifactFlags extends DeliveryFlags, Pick<PushSettings, 'signKey' | 'signIdentity'> {
  readonly artifactType?: string | undefined;
  readonly annotation?: Readonly<Record<string, string>> | undefined;
  /** `FILE[:TYPE]` */
  readonly config?: string | undefined;
  /** Patterns of names that folders are packed without. */
  readonly exclude?: readonly string[] | undefined;
}

/** The artifact that a command line describes. @throws {CliError} `ERR_CLI_USAGE` */
export function artifactOf(files: readonly string[], flags: ArtifactFlags): ArtifactParts {
  const { artifactType, annotation: annotations, config, exclude } = flags;
  if (files.length === 0 && config === undefined && annotations === undefined) {
    throw usageError('there is nothing to push', 'name a file, or say something with --annotation');
  }
  return {
    files: files.map((text) => ({ ...readFileArgument(text), exclude })),
    artifactType,
    config: config === undefined ? undefined : readFileArgument(config),
    annotations,
  };
}
