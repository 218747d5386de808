import { isDigest } from '@slipway/digest';
import { isTag } from '@slipway/reference';
import { optionError } from '../errors.ts';
import type { PushSettings } from './push-request.ts';

/**
 * Refuses options that do not fit together.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION`
 */
export function assertPushSettings(settings: PushSettings): void {
  assertFormatFits(settings);
  assertCompressionFits(settings);
  const { allTags, into, tags, newerThan, learn, learnFrom } = settings;
  for (const [option, value] of Object.entries({ into, tags, newerThan })) {
    if (value !== undefined && value !== false && allTags !== true) {
      const hint = `add \`allTags\`, or leave \`${option}\` out`;
      throw optionError(`\`${option}\` chooses among the tags of \`allTags\``, hint);
    }
  }
  if (learnFrom === undefined) return;
  if (learn === false || learn === 'off') {
    throw optionError('`learn: off` excludes `learnFrom`', 'leave one of them out');
  }
  if (!isTag(learnFrom) && !isDigest(learnFrom)) {
    throw optionError(
      `${JSON.stringify(learnFrom)} is neither a tag nor a digest`,
      'name one of the destination repository, such as `learnFrom: latest`',
    );
  }
}

function assertFormatFits({ format = 'keep', protocol, compression, dryRun }: PushSettings): void {
  const isOld = format === 'schema1' || format === 'schema1-2015' || format === 'v1' || protocol === 'v1';
  if (isOld && compression === 'zstd') {
    throw optionError('registries of that age know gzip layers only', 'leave out `compression: zstd`');
  }
  if (protocol === 'v1' && format !== 'keep' && format !== 'v1') {
    throw optionError(`\`protocol: v1\` excludes \`format: ${format}\``, 'leave `format` out');
  }
  if (dryRun === true && (format === 'v1' || format === 'schema1-2015' || protocol === 'v1')) {
    throw optionError('`dryRun` cannot ask a registry of that age', 'leave it out, or use `format: schema1`');
  }
  if (format === 'docker' && compression === 'zstd') {
    throw optionError('`format: docker` cannot hold zstd layers', 'use `format: oci`, or another compression');
  }
}

function assertCompressionFits({ compression, compressionLevel, compressor }: PushSettings): void {
  if (compressionLevel !== undefined && compressionLevel > 9 && compression !== 'zstd') {
    throw optionError(
      `\`compressionLevel: ${compressionLevel}\` is for zstd; gzip has 1 to 9`,
      'add `compression: zstd`',
    );
  }
  if (compressor !== undefined && compression === 'zstd') {
    throw optionError('`compressor` is for gzip', 'leave it out, or use another compression');
  }
}
