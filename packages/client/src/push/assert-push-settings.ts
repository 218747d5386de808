import { anObject, assertArgument } from '@slipway/arguments';
import { isDigest } from '@slipway/digest';
import type { PushCompression } from '@slipway/push';
import { isTag } from '@slipway/reference';
import { optionError } from '../errors.ts';
import { parseIdentity } from '../signing/open-signer.ts';
import type { PushSettings } from './push-request.ts';

/**
 * Refuses options that do not fit together.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION`
 */
export function assertPushSettings(settings: PushSettings): void {
  assertArgument('settings', settings, anObject);
  assertFormatFits(settings);
  assertCompressionFits(settings);
  assertSigningFits(settings);
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
  const kinds = kindsOf(compression);
  const isOld = format === 'schema1' || format === 'schema1-2015' || format === 'v1' || protocol === 'v1';
  if (isOld && kinds.some((kind) => kind !== 'keep' && kind !== 'gzip')) {
    const hint = `leave out \`compression: ${kinds.join(',')}\``;
    throw optionError('registries of that age know gzip layers only', hint);
  }
  if (protocol === 'v1' && format !== 'keep' && format !== 'v1') {
    throw optionError(`\`protocol: v1\` excludes \`format: ${format}\``, 'leave `format` out');
  }
  if (protocol === 'v2' && format === 'v1') {
    throw optionError(
      '`protocol: v2` excludes `format: v1`',
      'leave `protocol` out: what is of format v1 goes over v1',
    );
  }
  if (dryRun === true && (format === 'v1' || format === 'schema1-2015' || protocol === 'v1')) {
    throw optionError('`dryRun` cannot ask a registry of that age', 'leave it out, or use `format: schema1`');
  }
  if (format === 'docker' && kinds.some(isZstd)) {
    throw optionError('`format: docker` cannot hold zstd layers', 'use `format: oci`, or another compression');
  }
  if (format === 'docker' && kinds.includes('estargz')) {
    throw optionError('`format: docker` cannot name a table of contents', 'use `format: oci`, or another compression');
  }
  if (format === 'docker' && kinds.length > 1) {
    throw optionError('`format: docker` cannot tell layers of several kinds apart', 'use `format: oci`, or one kind');
  }
}

function assertCompressionFits({ compression, recompress, compressionLevel, compressor }: PushSettings): void {
  const kinds = kindsOf(compression);
  if (recompress === true && kinds.every((kind) => kind === 'keep')) {
    throw optionError('`recompress` needs `compression`', 'say what layers are to be made: `compression: gzip`');
  }
  if (compressionLevel !== undefined && kinds.every((kind) => kind === 'none')) {
    throw optionError('`compressionLevel` has no effect on `compression: none`', 'leave one of them out');
  }
  if (compressionLevel !== undefined && compressionLevel > 9 && !kinds.every(isZstd)) {
    throw optionError(
      `\`compressionLevel: ${compressionLevel}\` is for zstd; gzip has 1 to 9`,
      'add `compression: zstd`',
    );
  }
  if (compressor !== undefined && kinds.every((kind) => kind !== 'keep' && kind !== 'gzip')) {
    throw optionError('`compressor` is for gzip', 'leave it out, or use another compression');
  }
}

function assertSigningFits({ signKey, signer, signIdentity, allTags, format, protocol = 'v2' }: PushSettings): void {
  if (signIdentity !== undefined) {
    if (signKey === undefined && signer === undefined) {
      throw optionError('`signIdentity` needs `signKey`', 'leave it out, or name the key');
    }
    if (allTags === true) {
      throw optionError('`signIdentity` would sign every tag of `allTags` as the same one', 'leave it out');
    }
    parseIdentity(signIdentity);
  }
  if (signKey === undefined && signer === undefined) return;
  if (signKey !== undefined && signer !== undefined) throw optionError('`signKey` excludes `signer`', 'leave one out');
  const isOld = format === 'schema1' || format === 'schema1-2015' || format === 'v1';
  if (!isOld && protocol === 'v2') return;
  const asked = isOld ? `format: ${format}` : `protocol: ${protocol}`;
  throw optionError(`\`signKey\` has no effect on what is older than schema 2`, `leave out \`${asked}\``);
}

function kindsOf(compression: PushSettings['compression'] = 'keep'): readonly PushCompression[] {
  return [compression].flat();
}

function isZstd(kind: PushCompression): boolean {
  return kind === 'zstd' || kind === 'zstd:chunked';
}
