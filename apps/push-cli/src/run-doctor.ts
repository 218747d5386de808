import { endpointURLs, type RequestRecord } from '@slipway/registry-client';
import { readProxyVariables } from '@slipway/registry-client/proxy';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { openCredentials } from './credentials.ts';
import type { Check, Finding, Scene } from './doctor/check.ts';
import { checks, machineChecks } from './doctor/checks.ts';
import { type CheckedFinding, exitCodeFor, findingLines, reportRecord, summaryLine } from './doctor/doctor-report.ts';
import { type DoctorTarget, parseDoctorTarget } from './doctor/doctor-target.ts';
import { once } from './once.ts';
import { requestLine } from './open-connection.ts';
import { problemOf } from './problem.ts';
import { noteFacts } from './registry-facts.ts';

export interface RawDoctorOptions extends ConnectionOptions {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Looks at what a push would use, and asks the registry, without pushing; prints the findings, sets the exit code. */
export async function runDoctor(
  text: string | undefined,
  options: RawDoctorOptions,
  context: CommandContext,
): Promise<void> {
  const target = text === undefined ? undefined : parseDoctorTarget(text);
  const heard: string[] = [];
  const scene = await openScene(
    target,
    options,
    context,
    once((message) => heard.push(message)),
  );
  const findings: CheckedFinding[] = [];
  try {
    for (const check of target === undefined ? machineChecks : checks) {
      const finding = { check: check.name, ...withWarnings(await runCheck(check, scene), heard.splice(0)) };
      findings.push(finding);
      if (options.json !== true) context.stdout.write(`${findingLines(finding).join('\n')}\n`);
    }
  } finally {
    await scene.reached?.registry[Symbol.asyncDispose]();
  }
  const last = options.json === true ? JSON.stringify(reportRecord(target, findings)) : summaryLine(findings);
  context.stdout.write(`${last}\n`);
  context.exitCode = exitCodeFor(findings);
}

async function openScene(
  target: DoctorTarget | undefined,
  options: RawDoctorOptions,
  context: CommandContext,
  warn: (message: string) => void,
): Promise<Scene> {
  const { environment } = context;
  const reference = target && { registry: target.registry, repository: target.repository ?? 'slipway/doctor' };
  const requests: RequestRecord[] = [];
  return {
    context,
    options,
    target,
    endpoints: target === undefined ? [] : endpointURLs(target.registry, options),
    proxies: await readProxyVariables({
      env: environment.variables,
      homeFolder: environment.homeFolder,
      onWarning: warn,
    }),
    credentials: await openCredentials(options, reference === undefined ? [] : [reference], context, warn),
    requests,
    onRequest(record) {
      requests.push(record);
      if (options.verbose === true) context.stderr.write(`${requestLine(record)}\n`);
    },
    warn,
    reached: undefined,
  };
}

async function runCheck(check: Check, scene: Scene): Promise<Finding> {
  const { target, credentials, context } = scene;
  try {
    return await check.run(scene);
  } catch (error) {
    context.signal.throwIfAborted();
    if (target !== undefined) {
      const { registry, repository = '' } = target;
      noteFacts(error, await credentials.factsOf({ registry, repository }));
    }
    const { message, hint, code } = problemOf(error);
    return { status: 'problem', summary: message, advice: hint, facts: { code }, error };
  }
}

/** What the libraries told meanwhile belongs to the finding. */
function withWarnings(finding: Finding, warnings: readonly string[]): Finding {
  if (warnings.length === 0) return finding;
  const status = finding.status === 'ok' || finding.status === 'skipped' ? 'warning' : finding.status;
  return { ...finding, status, notes: [...(finding.notes ?? []), ...warnings] };
}
