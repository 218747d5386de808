import { isDigest } from '@slipway/digest';
import type { Platform } from '@slipway/manifest';
import type { LayerKind, LegacyFormat, PushCompression, PushFormat } from '@slipway/push';
import { isTag } from '@slipway/reference';
import type { CompressorChoice, Format, LearnChoice, ProgressChoice, ProtocolChoice, VerifyChoice } from './choices.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { usageError } from './errors.ts';
import type { NondistributableChoice } from './nondistributable.ts';

/** The options of `slipway push` as commander hands them over. */
export interface RawPushOptions extends ConnectionOptions {
  readonly allTags?: boolean | undefined;
  readonly into?: boolean | undefined;
  readonly tags?: string | undefined;
  readonly newerThan?: Date | undefined;
  readonly platform?: Platform | undefined;
  readonly referrers?: boolean | undefined;
  readonly format: Format;
  readonly protocol: ProtocolChoice;
  readonly compression: PushCompression | readonly LayerKind[];
  readonly recompress?: boolean | undefined;
  readonly compressionLevel?: number | undefined;
  readonly compressor?: CompressorChoice | undefined;
  readonly verify: VerifyChoice;
  readonly concurrency: number;
  readonly limitRate?: number | undefined;
  readonly retries: number;
  readonly dryRun?: boolean | undefined;
  readonly allowNondistributable?: NondistributableChoice | undefined;
  readonly cache: boolean;
  /** `false` for `--no-learn`. */
  readonly learn: LearnChoice | false;
  readonly force?: boolean | undefined;
  readonly learnFrom?: string | undefined;
  readonly verifyLearnt?: boolean | undefined;
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly dataDir?: string | undefined;
  readonly dockerMetadata?: string | undefined;
  readonly dockerMetadataWrite?: boolean | undefined;
  readonly progress: ProgressChoice;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly digestFile?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/** The same after the checks that need more than one option. */
export interface ResolvedPushOptions extends RawPushOptions {
  readonly format: PushFormat | LegacyFormat;
  readonly learn: LearnChoice;
}

/**
 * Refuses options that do not fit together.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function resolvePushOptions(source: string, raw: RawPushOptions): ResolvedPushOptions {
  const { format, compressionLevel } = raw;
  const kinds = [raw.compression].flat();
  const isOld = format === 'schema1' || format === 'schema1-2015' || format === 'v1' || raw.protocol === 'v1';
  if (isOld && kinds.some((kind) => kind !== 'keep' && kind !== 'gzip')) {
    throw usageError('registries of that age know gzip layers only', `leave out --compression ${kinds.join(',')}`);
  }
  if (raw.recompress === true && raw.compression === 'keep') {
    throw usageError('--recompress needs --compression', 'say what layers are to be made: --compression gzip');
  }
  if (raw.protocol === 'v1' && format !== 'keep' && format !== 'v1') {
    throw usageError(`--protocol v1 excludes --format ${format}`, 'leave --format out');
  }
  if (raw.dryRun === true && (format === 'v1' || format === 'schema1-2015' || raw.protocol === 'v1')) {
    throw usageError('--dry-run cannot ask a registry of that age', 'leave it out, or use --format schema1');
  }
  if (compressionLevel !== undefined && kinds.every((kind) => kind === 'none')) {
    throw usageError('--compression-level has no effect on --compression none', 'leave one of them out');
  }
  if (compressionLevel !== undefined && compressionLevel > 9 && !kinds.every(isZstd)) {
    throw usageError(`--compression-level ${compressionLevel} is for zstd; gzip has 1 to 9`, 'add --compression zstd');
  }
  if (raw.compressor !== undefined && kinds.every((kind) => kind !== 'keep' && kind !== 'gzip')) {
    throw usageError('--compressor is for gzip', 'leave it out, or use another compression');
  }
  if (format === 'docker' && kinds.some(isZstd)) {
    throw usageError('--format docker cannot hold zstd layers', 'use --format oci, or another compression');
  }
  if (format === 'docker' && kinds.includes('estargz')) {
    throw usageError('--format docker cannot name a table of contents', 'use --format oci, or another compression');
  }
  if (format === 'docker' && kinds.length > 1) {
    throw usageError('--format docker cannot tell layers of several kinds apart', 'use --format oci, or one kind');
  }
  for (const [option, value] of Object.entries({
    '--into': raw.into,
    '--tags': raw.tags,
    '--newer-than': raw.newerThan,
  })) {
    if (value !== undefined && raw.allTags !== true) {
      throw usageError(`${option} chooses among the tags of --all-tags`, `add --all-tags, or leave ${option} out`);
    }
  }
  if (raw.passwordStdin === true && raw.username === undefined) {
    throw usageError('--password-stdin needs --username', 'name the user the password belongs to');
  }
  if (raw.passwordStdin === true && readsStandardInput(source)) {
    throw usageError(
      'standard input cannot carry both the image (-) and the password (--password-stdin)',
      'log in first with `slipway login`, or push from a file',
    );
  }
  if (raw.dockerMetadataWrite === true && raw.dockerMetadata === undefined) {
    throw usageError('--docker-metadata-write needs --docker-metadata', 'name the folder that is to be written');
  }
  const learn = learnChoiceOf(raw);
  if (raw.learnFrom !== undefined && !isTag(raw.learnFrom) && !isDigest(raw.learnFrom)) {
    throw usageError(
      `${JSON.stringify(raw.learnFrom)} is neither a tag nor a digest`,
      'name one of the destination repository, such as --learn-from latest',
    );
  }
  return { ...raw, format, learn, progress: raw.quiet === true ? 'none' : raw.progress };
}

export function isZstd(kind: PushCompression): boolean {
  return kind === 'zstd' || kind === 'zstd:chunked';
}

/** `--learn` and its two older names, which say the same in one word each. */
function learnChoiceOf({ learn, learnFrom, verifyLearnt }: RawPushOptions): LearnChoice {
  const isOff = learn === false || learn === 'off';
  if (isOff && learnFrom !== undefined) throw usageError('--learn off excludes --learn-from', 'leave one of them out');
  if (verifyLearnt !== true) return learn === false ? 'off' : learn;
  if (learn === 'prove' || learn === 'verify') return 'verify';
  throw usageError(`--learn ${isOff ? 'off' : learn} excludes --verify-learnt`, 'leave one of them out');
}

/** Whether the source text means standard input, with or without a transport before it. */
export function readsStandardInput(source: string): boolean {
  return /^(?:(?:docker-archive|oci-archive):)?-(?:$|:)/.test(source);
}
