import { printable } from '@slipway/client/program';
import { type ExitCode, exitCodeOf, exitCodes } from '../failure/exit-code.ts';
import { problemOf } from '../failure/problem.ts';
import type { CheckStatus, Finding } from './check.ts';
import type { DoctorTarget } from './doctor-target.ts';

/** A finding with the check that it comes from. */
export interface CheckedFinding extends Finding {
  readonly check: string;
}

const words: Readonly<Record<CheckStatus, string>> = {
  ok: 'ok',
  warning: 'warning',
  problem: 'PROBLEM',
  skipped: 'skipped',
};

/** A finding as lines for people. */
export function findingLines({ check, status, summary, notes = [], advice }: CheckedFinding): readonly string[] {
  const indent = ' '.repeat(23);
  return [
    `${words[status].padEnd(9)}${check.padEnd(14)}${printable(summary)}`,
    ...notes.map((note) => `${indent}${printable(note)}`),
    ...(advice === undefined ? [] : [`${indent}hint: ${printable(advice)}`]),
  ];
}

/** The closing line. */
export function summaryLine(findings: readonly Finding[]): string {
  const count = (status: CheckStatus): number => findings.filter((finding) => finding.status === status).length;
  const problems = count('problem');
  const warnings = count('warning');
  if (problems === 0 && warnings === 0) return 'No problem found';
  const of = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  return [...(problems > 0 ? [of(problems, 'problem')] : []), ...(warnings > 0 ? [of(warnings, 'warning')] : [])].join(
    ', ',
  );
}

/** All findings as one object, for `--json`. */
export function reportRecord(
  target: DoctorTarget | undefined,
  findings: readonly CheckedFinding[],
): Readonly<Record<string, unknown>> {
  return {
    registry: target?.registry,
    repository: target?.repository,
    ok: findings.every(({ status }) => status !== 'problem'),
    checks: findings.map(({ error, ...finding }) => ({
      ...finding,
      code: error === undefined ? undefined : problemOf(error).code,
    })),
  };
}

/** That of the first problem; 0 where there is none. */
export function exitCodeFor(findings: readonly Finding[]): ExitCode {
  const problem = findings.find(({ status }) => status === 'problem');
  if (problem === undefined) return exitCodes.pushed;
  return problem.error === undefined ? exitCodes.failed : exitCodeOf(problem.error);
}
