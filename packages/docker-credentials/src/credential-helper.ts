import { tokenUsername } from './auth-config.ts';
import type { Credentials } from './credentials.ts';
import { CredentialsError, type CredentialsErrorReason } from './errors.ts';
import { maskSecrets } from './mask-secrets.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';

/** What a helper runs with. */
export interface CredentialHelperOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file that names the helper, for messages. */
  readonly namedBy: string;
  readonly timeoutMs: number;
}

/** What a helper has for an address. */
export interface HelperAnswer {
  /** Undefined when it has none. */
  readonly credentials: Credentials | undefined;
  /** Why it has none, if it said so; secrets are masked. */
  readonly said: string | undefined;
}

/**
 * A program `docker-credential-NAME`, which keeps credentials in a keychain or fetches them from a cloud.
 *
 * @see https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md#development
 */
export interface CredentialHelper {
  /** `docker-credential-NAME` */
  readonly program: string;
  /** @throws {CredentialsError} `ERR_CREDENTIAL_HELPER`; the reason of the signal, once the helper is killed */
  get(serverAddress: string, signal?: AbortSignal): Promise<HelperAnswer>;
  /** @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  store(serverAddress: string, credentials: Exclude<Credentials, { kind: 'registry-token' }>): Promise<void>;
  /** Resolves to whether there was something to erase. @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  erase(serverAddress: string): Promise<boolean>;
  /** User names by address. @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  list(): Promise<Readonly<Record<string, string>>>;
}

const maxOutput = 1024 * 1024;
const maxQuoted = 400;
/** What comes later in a helper's output is not looked at. */
const maxRead = 4_096;

/** Makes the helper of a name that has been checked to be one. */
export function openCredentialHelper(name: string, options: CredentialHelperOptions): CredentialHelper {
  const program = `docker-credential-${name}`;
  /** Answers with what the helper printed, and apart from it what it says when it has nothing. */
  const ask = async (action: string, input: string, { secrets = [], signal }: AskOptions = {}): Promise<Printed> => {
    signal?.throwIfAborted();
    const outcome = await runProgram(program, {
      args: [action],
      env: options.env,
      input,
      timeoutMs: options.timeoutMs,
      maxOutput,
      signal,
    });
    signal?.throwIfAborted();
    if (outcome.kind === 'exited' && outcome.code === 0) return { stdout: outcome.stdout, said: undefined };
    if (outcome.kind === 'exited' && action !== 'store' && saysNotFound(outcome.stdout)) {
      return { stdout: undefined, said: sentences([outcome.stderr], secrets) };
    }
    throw failed(program, action, options, outcome, secrets);
  };
  const nonsense = (action: string, why: string): CredentialsError =>
    helperError('helper-nonsense', `${program} ${action} answered nonsense: ${why}`, program, options);
  return {
    program,
    async get(serverAddress, signal) {
      const { stdout, said } = await ask('get', serverAddress, { signal });
      if (stdout === undefined) return { credentials: undefined, said };
      const { Username: username, Secret: secret } = parseObject(stdout) ?? {};
      if (typeof username !== 'string' || typeof secret !== 'string') {
        throw nonsense('get', 'expected JSON with `Username` and `Secret`');
      }
      if (secret === '') return { credentials: undefined, said: 'an empty secret' };
      if (username === tokenUsername)
        return { credentials: { kind: 'identity-token', token: secret }, said: undefined };
      return { credentials: { kind: 'basic', username, password: secret }, said: undefined };
    },
    async store(serverAddress, credentials) {
      const [username, secret] =
        credentials.kind === 'basic'
          ? [credentials.username, credentials.password]
          : [tokenUsername, credentials.token];
      const input = JSON.stringify({ ServerURL: serverAddress, Username: username, Secret: secret });
      await ask('store', input, { secrets: [secret] });
    },
    async erase(serverAddress) {
      return (await ask('erase', serverAddress)).stdout !== undefined;
    },
    async list() {
      const users = parseObject((await ask('list', '')).stdout ?? '{}');
      if (!users || !Object.values(users).every((user) => typeof user === 'string')) {
        throw nonsense('list', 'expected JSON of addresses and user names');
      }
      return users as Record<string, string>;
    },
  };
}

interface AskOptions {
  /** What must not come back in a message. */
  readonly secrets?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Printed {
  /** Undefined where the helper says that it has nothing. */
  readonly stdout: string | undefined;
  readonly said: string | undefined;
}

/** Helpers print their failures on standard output, and tell this one by its text alone. */
function saysNotFound(stdout: string): boolean {
  return /credentials not found/i.test(stdout);
}

function failed(
  program: string,
  action: string,
  options: CredentialHelperOptions,
  outcome: ProgramOutcome,
  secrets: readonly string[],
): CredentialsError {
  const error = (reason: CredentialsErrorReason, what: string, cause?: Error): CredentialsError =>
    helperError(reason, `${program} ${action} ${what}`, program, options, cause);
  switch (outcome.kind) {
    case 'not-started':
      return outcome.error.code === 'ENOENT'
        ? error('helper-missing', 'could not be run: there is no such program in PATH', outcome.error)
        : error(
            'helper-not-started',
            `could not be run: ${outcome.error.code ?? outcome.error.message}`,
            outcome.error,
          );
    case 'aborted':
      throw new Error('unreachable: the reason of the signal is thrown');
    case 'timed-out':
      return error('helper-timeout', `did not answer within ${options.timeoutMs} ms`);
    case 'too-much-output':
      return error('helper-nonsense', `wrote more than ${maxOutput} bytes`);
    case 'exited': {
      const said = sentences([outcome.stdout, outcome.stderr], secrets);
      const how = outcome.code === null ? 'a signal' : `code ${outcome.code}`;
      return error('helper-failed', `failed with ${how}${said === undefined ? ' and said nothing' : `: ${said}`}`);
    }
    default:
      return outcome satisfies never;
  }
}

function helperError(
  reason: CredentialsErrorReason,
  message: string,
  helper: string,
  { namedBy }: CredentialHelperOptions,
  cause?: Error,
): CredentialsError {
  const facts = { reason, file: namedBy, helper };
  return new CredentialsError('ERR_CREDENTIAL_HELPER', message, facts, cause && { cause });
}

/** What the helper printed, in one line, its secrets masked; undefined when it said nothing. */
function sentences(texts: readonly string[], secrets: readonly string[]): string | undefined {
  const said = texts
    .map((text) => text.slice(0, maxRead).replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' '))
    .map((text) => maskSecrets(text.trim(), secrets))
    .filter((text) => text !== '');
  if (said.length === 0) return undefined;
  const text = said.join('; ');
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
