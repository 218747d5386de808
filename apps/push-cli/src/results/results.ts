import type { PushResult } from '@slipway/push';
import {
  canonicalName,
  defaultTag,
  formatReference,
  type ParseReferenceOptions,
  parseReference,
  type Reference,
} from '@slipway/reference';
import type { AskedRecord } from '../command-context.ts';
import { CliError } from '../errors.ts';
import { problemOf } from '../failure/problem.ts';
import { assertWritable, wholeFile } from './whole-file.ts';

/** The line of standard output for a destination that was pushed: `registry/repository@sha256:…`. */
export function resultLine(result: Extract<PushResult, { ok: true }>): string {
  return `${canonicalName(result.reference)}@${result.digest}`;
}

/**
 * The same as plain data, for `--json`; a failure has `error` in place of the digest, a dry run its `plan`, a signed
 * image its `signatures`.
 */
export function resultRecord(result: PushResult): Readonly<Record<string, unknown>> {
  const { reference, totals } = result;
  if (!result.ok) return { ...nameRecord(reference), error: problemOf(result.error), totals };
  const { digest, mediaType, size, unchanged, plan, signatures } = result;
  const dryRun = plan === undefined ? {} : { dryRun: true, plan };
  const signed = signatures === undefined ? {} : { signatures };
  const { tag } = reference;
  const facts = { reference: formatReference(reference), digest, mediaType, size, tag, unchanged };
  return { ...facts, ...signed, ...dryRun, totals };
}

/** The record of a destination whose push did not come to its end. */
export function unfinishedRecord(reference: Reference, error: unknown): Readonly<Record<string, unknown>> {
  return { ...nameRecord(reference), error: problemOf(error) };
}

/** What `--json` calls a destination by. */
function nameRecord(reference: Reference): AskedRecord {
  return { reference: formatReference(reference), tag: reference.tag };
}

/** The same of references that may be none: those are called as they were typed. */
export function askedRecords(
  texts: readonly string[],
  options: Pick<ParseReferenceOptions, 'defaultTag'> = { defaultTag },
): readonly AskedRecord[] {
  return texts.map((text) => {
    try {
      return nameRecord(parseReference(text, options));
    } catch {
      return { reference: text };
    }
  });
}

/**
 * Writes the digests that were pushed, one a line.
 *
 * @throws {CliError} `ERR_CLI_OUTPUT`
 */
export async function writeDigestFile(path: string, results: readonly { readonly digest: string }[]): Promise<void> {
  const lines = results.map(({ digest }) => `${digest}\n`);
  await wholeFile(path, lines).catch((cause: unknown) => {
    throw digestFileError('the image was pushed, but ', cause, 'the digest is on standard output');
  });
}

/** Finds out what can be known before anything is sent. @throws {CliError} `ERR_CLI_OUTPUT` */
export async function assertDigestFile(path: string): Promise<void> {
  await assertWritable(path).catch((cause: unknown) => {
    throw digestFileError('', cause, 'nothing was sent: name a file in a folder that is there and can be written');
  });
}

function digestFileError(before: string, cause: unknown, hint: string): CliError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CliError('ERR_CLI_OUTPUT', `${before}--digest-file cannot be written: ${why}`, { cause, hint });
}
