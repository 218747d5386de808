import type { PushResult } from '@slipway/push';
import { canonicalName, formatReference, type Reference } from '@slipway/reference';
import { CliError } from '../errors.ts';
import { problemOf } from '../failure/problem.ts';
import { wholeFile } from './whole-file.ts';

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
  if (!result.ok) return { ...failureRecord(reference, result.error), totals };
  const { digest, mediaType, size, unchanged, plan, signatures } = result;
  const dryRun = plan === undefined ? {} : { dryRun: true, plan };
  const signed = signatures === undefined ? {} : { signatures };
  const { tag } = reference;
  const facts = { reference: formatReference(reference), digest, mediaType, size, tag, unchanged };
  return { ...facts, ...signed, ...dryRun, totals };
}

/** What `--json` says of a destination that failed, or was never reached. */
export function failureRecord(reference: Reference, error: unknown): Readonly<Record<string, unknown>> {
  return { reference: formatReference(reference), tag: reference.tag, error: problemOf(error) };
}

/**
 * Writes the digests of the results, one a line, so that a reader sees the old file or the whole new one.
 *
 * @throws {CliError} `ERR_CLI_OUTPUT` when the file cannot be written.
 */
export async function writeDigestFile(path: string, results: readonly { readonly digest: string }[]): Promise<void> {
  try {
    await wholeFile(
      path,
      results.map(({ digest }) => `${digest}\n`),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('ERR_CLI_OUTPUT', `the image was pushed, but --digest-file cannot be written: ${why}`, {
      cause,
    });
  }
}
