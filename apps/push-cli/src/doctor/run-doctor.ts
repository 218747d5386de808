import { type Client, noteRegistryFacts } from '@slipway/client';
import type { RequestRecord } from '@slipway/registry-client';
import { readProxyVariables } from '@slipway/registry-client/proxy';
import type { CommandContext } from '../command-context.ts';
import type { DoctorFlags } from '../commands/doctor.ts';
import { daemonOfEnvironment } from '../daemon/daemon-address.ts';
import { problemOf } from '../failure/problem.ts';
import { openClient, requestLine } from '../open-client.ts';
import { passwordFor } from '../terminal/prompt.ts';
import type { Check, Finding, Scene } from './check.ts';
import { checks, machineChecks, withDaemon } from './checks.ts';
import { type CheckedFinding, exitCodeFor, findingLines, reportRecord, summaryLine } from './doctor-report.ts';
import { type DoctorTarget, parseDoctorTarget } from './doctor-target.ts';

/** Looks at what a push would use, and asks the registry, without pushing; prints the findings, sets the exit code. */
export async function runDoctor(
  text: string | undefined,
  options: DoctorFlags,
  context: CommandContext,
): Promise<void> {
  const target = text === undefined ? undefined : parseDoctorTarget(text);
  const heard = new Set<string>();
  const told: string[] = [];
  const warn = (message: string): void => {
    if (!heard.has(message)) told.push(message);
    heard.add(message);
  };
  const requests: RequestRecord[] = [];
  const { username, passwordStdin } = options;
  const password = username === undefined ? '' : await passwordFor(username, passwordStdin === true, context);
  await using client = await openClient(options, context, {
    print: (line) => context.stderr.write(`${line}\n`),
    warn,
    credentials: username === undefined ? undefined : { username, password },
    onRequest(record) {
      requests.push(record);
      if (options.verbose === true) context.stderr.write(`${requestLine(record)}\n`);
    },
  });
  const scene = await openScene(target, { client, requests, options, context, warn });
  const findings: CheckedFinding[] = [];
  const wanted = target === undefined ? machineChecks : checks;
  const goesToDaemon = (options.daemon ?? daemonOfEnvironment(context.environment)) !== undefined;
  for (const check of goesToDaemon ? withDaemon(wanted) : wanted) {
    const made = { check: check.name, ...withWarnings(await runCheck(check, scene), told.splice(0)) };
    const isRepeated = made.advice !== undefined && findings.some(({ advice }) => advice === made.advice);
    const finding = isRepeated ? { ...made, advice: undefined } : made;
    findings.push(finding);
    if (options.json !== true) context.stdout.write(`${findingLines(finding).join('\n')}\n`);
  }
  const last = options.json === true ? JSON.stringify(reportRecord(target, findings)) : summaryLine(findings);
  context.stdout.write(`${last}\n`);
  context.exitCode = exitCodeFor(findings);
}

async function openScene(
  target: DoctorTarget | undefined,
  given: Pick<Scene, 'requests' | 'options' | 'context' | 'warn'> & { readonly client: Client },
): Promise<Scene> {
  const { client, context, warn } = given;
  const { variables: env, homeFolder } = context.environment;
  return {
    ...given,
    target,
    endpoints: target === undefined ? [] : await client.waysTo(target.registry),
    proxies: await readProxyVariables({ env, homeFolder, onWarning: warn }),
    credentials: client.credentials,
    speaksNoTLS: false,
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
      noteRegistryFacts(error, await credentials.factsOf({ registry, repository }));
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
