import { randomUUID } from 'node:crypto';
import { assertTakesAllTags } from '@slipway/client/program';
import { createCredentialProvider } from '@slipway/docker-credentials';
import { formatReference, type Reference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { usageError } from '../errors.ts';
import type { Progress } from '../progress/progress.ts';
import { typedCredentials } from '../push/typed-credentials.ts';
import { resumableBytes, uploadArchive } from './archive-upload.ts';
import type { DaemonClient } from './daemon-client.ts';
import { DaemonRefusal } from './daemon-refusal.ts';
import type { Job } from './job.ts';
import { type JobSource, jobSourceOf } from './job-source.ts';

/** What a job may be told, as the user said it; absent where nothing was said. */
export interface JobOptions {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  readonly authfile?: string | undefined;
  /** Credentials of the daemon, in place of the user's own. */
  readonly credentialsName?: string | undefined;
  /** Options of the push, by the names of the jobs API. */
  readonly push: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Hands a push to a daemon, with the user's credentials for its destinations.
 *
 * @throws {CliError} as {@link DaemonClient} and `jobSourceOf`
 */
export async function submitJob(
  sourceText: string,
  references: readonly Reference[],
  options: JobOptions,
  {
    client,
    progress,
    context,
    isSilent = false,
  }: {
    readonly client: DaemonClient;
    readonly progress: Progress;
    readonly context: CommandContext;
    /** Leaves out how far an upload is. @default false */
    readonly isSilent?: boolean | undefined;
  },
): Promise<Job> {
  if (options.push['allTags'] === true) await assertTakesAllTags(sourceText);
  const source = await jobSourceOf(sourceText, context.stdin);
  // The daemon reads a registry with what the user would show it.
  const readFrom = source.kind === 'named' && source.registry !== undefined ? [source.registry] : [];
  const credentials = await credentialsFor([...references, ...readFrom], options, progress, context);
  const destinations = references.map(formatReference);
  const key = randomUUID();
  const { signal } = context;
  const { credentialsName, push } = options;
  const named = Object.keys(credentials).length > 0 ? { credentials } : {};
  const job = { image: source.image, destinations, credentialsName, ...push, ...named };
  if (source.kind === 'named') return await client.submit(job, key, signal);
  const { size = 0, reopen } = source;
  if (size >= resumableBytes && reopen !== undefined) {
    const print = (line: string): void => (isSilent ? undefined : progress.print(line));
    try {
      const upload = await uploadArchive({ size, open: reopen }, { client, print, signal });
      return await client.submit({ ...job, upload }, key, signal);
    } catch (error) {
      // Behind one address several daemons may answer, and an upload is one daemon's: then it goes with its job.
      if (!(error instanceof DaemonRefusal && error.status === 404)) throw error;
      print('slipway: another slipwayd answers: the archive goes in one request');
    }
  }
  return await submitArchive(source, { destinations, credentials, options, key }, { client, signal });
}

/** By registry: what `docker push` would send along. */
export async function credentialsFor(
  references: readonly Pick<Reference, 'registry' | 'repository'>[],
  options: Omit<JobOptions, 'push'>,
  progress: Pick<Progress, 'warn'>,
  context: CommandContext,
): Promise<Readonly<Record<string, unknown>>> {
  if (options.credentialsName !== undefined) {
    if (options.username === undefined) return {};
    throw usageError('--credentials-name and --username exclude each other', 'leave one of them out');
  }
  const { variables, homeFolder } = context.environment;
  const provider = createCredentialProvider({
    env: variables,
    homeFolder,
    authFile: options.authfile,
    explicit: await typedCredentials(options, references, context),
    onWarning: (message) => progress.warn(message),
  });
  const found: Record<string, unknown> = {};
  for (const { registry, repository } of references) {
    const config = await provider.authConfigOf(registry, { repository, signal: context.signal });
    if (config === undefined) continue;
    const { username, password, identitytoken, registrytoken } = config;
    found[registry] = { username, password, identitytoken, registrytoken };
  }
  return found;
}

interface Submission {
  readonly destinations: readonly string[];
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly options: JobOptions;
  readonly key: string;
}

async function submitArchive(
  source: Extract<JobSource, { kind: 'archive' }>,
  { destinations, credentials, options: { credentialsName, push }, key }: Submission,
  { client, signal }: { readonly client: DaemonClient; readonly signal: AbortSignal },
): Promise<Job> {
  const query = new URLSearchParams();
  for (const destination of destinations) query.append('destination', destination);
  const { image } = source;
  for (const [name, value] of Object.entries({ image, credentialsName, ...push })) {
    if (value !== undefined) query.set(name, String(value));
  }
  const header = Object.keys(credentials).length > 0 ? JSON.stringify(credentials) : undefined;
  return await client.submitArchive(
    {
      open: () => source.open(),
      isReopenable: source.reopen !== undefined,
      size: source.size,
      query,
      credentials: header && Buffer.from(header).toString('base64url'),
    },
    key,
    signal,
  );
}
