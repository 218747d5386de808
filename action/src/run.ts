import { createClient, type UserAndPassword } from '@slipway/client';
import { describeEvent, type PushEvent, type PushResult } from '@slipway/push';
import { formatReference, parseReference } from '@slipway/reference';
import { type ActionInputs, readInputs } from './inputs.ts';
import { summaryOf } from './summary.ts';

/** What the action needs of the runner: `@actions/core` has it. */
export interface Runner {
  getInput(name: string): string;
  setSecret(secret: string): void;
  setOutput(name: string, value: string): void;
  info(message: string): void;
  debug(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  /** Writes a table to the page of the run. */
  summarize(markdown: string): Promise<void>;
}

/** Pushes what the inputs say. True when every destination has it; what went wrong is told to the runner. */
export async function runAction(runner: Runner): Promise<boolean> {
  try {
    const inputs = readInputs((name) => runner.getInput(name));
    if (inputs.password !== undefined) runner.setSecret(inputs.password);
    const results = await push(inputs, runner);
    await report(inputs.source, results, runner);
    return results.every(({ ok }) => ok);
  } catch (error) {
    runner.error(sentencesOf(error as Error));
    return false;
  }
}

async function push(inputs: ActionInputs, runner: Runner): Promise<readonly PushResult[]> {
  const { source, to } = inputs;
  await using client = await createClient({
    ...inputs.client,
    ...credentialsOf(inputs),
    onWarning: (message) => runner.warning(message),
    onRequest: ({ method, url, status }) => runner.debug(`${method} ${url} ${status ?? ''}`.trimEnd()),
  });
  const { results } = await client.pushSettled({ source, to, ...inputs.push, onEvent: (event) => tell(event, runner) });
  return results;
}

/** One password is for the registry of the destinations; those of several are docker's to keep, as after a login. */
function credentialsOf({ username, password, to }: ActionInputs): { credentials?: Record<string, UserAndPassword> } {
  if (username === undefined && password === undefined) return {};
  if (username === undefined || password === undefined)
    throw new Error(`The input '${username === undefined ? 'username' : 'password'}' is missing beside the other one`);
  const registries = new Set(to.map((name) => parseReference(name).registry));
  if (registries.size > 1)
    throw new Error('One password for several registries: sign in to each by an action before this one instead');
  return { credentials: Object.fromEntries([...registries].map((registry) => [registry, { username, password }])) };
}

function tell(event: PushEvent, runner: Runner): void {
  const text = describeEvent(event);
  if (text === undefined) return;
  if (event.type === 'blob:progress' || event.type === 'blob:preparing' || event.type === 'blob:waiting')
    runner.debug(text);
  else if (event.type === 'blob:retrying') runner.warning(text);
  else runner.info(text);
}

async function report(source: string, results: readonly PushResult[], runner: Runner): Promise<void> {
  const pushed = results.filter((result) => result.ok);
  const digests = pushed.map(({ reference, digest }) => [formatReference(reference), digest] as const);
  runner.setOutput('digest', pushed[0]?.digest ?? '');
  runner.setOutput('digests', JSON.stringify(Object.fromEntries(digests)));
  for (const result of results)
    if (!result.ok) runner.error(`${formatReference(result.reference)}: ${sentencesOf(result.error)}`);
  await runner.summarize(summaryOf(source, results));
}

function sentencesOf(error: Error & { readonly hint?: unknown }): string {
  return typeof error.hint === 'string' ? `${error.message}\n${error.hint}` : error.message;
}
