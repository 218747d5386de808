import type { Credentials } from '../credentials.ts';
import { tokenUsername } from './auth-config.ts';
import { CredentialsError } from './errors.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';

/** What a helper runs with. */
export interface CredentialHelperOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file that names the helper, for messages. */
  readonly namedBy: string;
  readonly timeoutMs: number;
}

/**
 * A program `docker-credential-NAME`, which keeps credentials in a keychain or fetches them from a cloud.
 *
 * @see https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md#development
 */
export interface CredentialHelper {
  /** Undefined when the helper has none for the address. @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  get(serverAddress: string): Promise<Credentials | undefined>;
  /** @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  store(serverAddress: string, credentials: Exclude<Credentials, { kind: 'registry-token' }>): Promise<void>;
  /** Resolves to whether there was something to erase. @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  erase(serverAddress: string): Promise<boolean>;
  /** User names by address. @throws {CredentialsError} `ERR_CREDENTIAL_HELPER` */
  list(): Promise<Readonly<Record<string, string>>>;
}

const maxOutput = 1024 * 1024;
const maxQuoted = 300;

/** Makes the helper of a name that has been checked to be one. */
export function openCredentialHelper(name: string, options: CredentialHelperOptions): CredentialHelper {
  const program = `docker-credential-${name}`;
  /** Undefined where the helper says that it has nothing. */
  const ask = async (action: string, input: string): Promise<string | undefined> => {
    const outcome = await runProgram(program, {
      args: [action],
      env: options.env,
      input,
      timeoutMs: options.timeoutMs,
      maxOutput,
    });
    if (outcome.kind === 'exited' && outcome.code === 0) return outcome.stdout;
    if (outcome.kind === 'exited' && action !== 'store' && saysNotFound(outcome.stdout)) return undefined;
    throw failed(program, action, options, outcome);
  };
  const nonsense = (action: string, why: string): CredentialsError =>
    new CredentialsError('ERR_CREDENTIAL_HELPER', `${program} ${action} answered nonsense: ${why}`, {
      hint: hintOf(program, options),
    });
  return {
    async get(serverAddress) {
      const answer = await ask('get', serverAddress);
      if (answer === undefined) return undefined;
      const { Username: username, Secret: secret } = parseObject(answer) ?? {};
      if (typeof username !== 'string' || typeof secret !== 'string') {
        throw nonsense('get', 'expected JSON with `Username` and `Secret`');
      }
      if (secret === '') return undefined;
      if (username === tokenUsername) return { kind: 'identity-token', token: secret };
      return { kind: 'basic', username, password: secret };
    },
    async store(serverAddress, credentials) {
      const [username, secret] =
        credentials.kind === 'basic'
          ? [credentials.username, credentials.password]
          : [tokenUsername, credentials.token];
      await ask('store', JSON.stringify({ ServerURL: serverAddress, Username: username, Secret: secret }));
    },
    async erase(serverAddress) {
      return (await ask('erase', serverAddress)) !== undefined;
    },
    async list() {
      const users = parseObject((await ask('list', '')) ?? '{}');
      if (!users || !Object.values(users).every((user) => typeof user === 'string')) {
        throw nonsense('list', 'expected JSON of addresses and user names');
      }
      return users as Record<string, string>;
    },
  };
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
): CredentialsError {
  const error = (what: string, hint: string, cause?: Error): CredentialsError =>
    new CredentialsError('ERR_CREDENTIAL_HELPER', `${program} ${action} ${what}`, { hint, ...(cause && { cause }) });
  const hint = hintOf(program, options);
  switch (outcome.kind) {
    case 'not-started':
      return outcome.error.code === 'ENOENT'
        ? error(
            `could not be run: there is no such program in PATH`,
            `install it, or take it out of ${options.namedBy}`,
            outcome.error,
          )
        : error(`could not be run: ${outcome.error.code ?? outcome.error.message}`, hint, outcome.error);
    case 'timed-out':
      return error(
        `did not answer within ${options.timeoutMs} ms`,
        `it may wait for a keychain to be unlocked; ${hint}`,
      );
    case 'too-much-output':
      return error(`wrote more than ${maxOutput} bytes`, hint);
    case 'exited':
      return error(`failed with ${outcome.code === null ? 'a signal' : `code ${outcome.code}`}${quote(outcome)}`, hint);
    default:
      return outcome satisfies never;
  }
}

function hintOf(program: string, { namedBy }: CredentialHelperOptions): string {
  return `try \`${program} list\` by hand; it is named by ${namedBy}`;
}

/** What the helper printed, as long as it cannot be a secret. */
function quote({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  const said = [stdout, stderr]
    .map((text) => text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim())
    .filter((text) => text !== '');
  if (said.length === 0) return ' and said nothing';
  const text = said.join('; ');
  if (/(?:secret|passw|token|key|authorization)\w*"?\s*[:=]/i.test(text))
    return ' (what it printed is withheld: it may hold a secret)';
  return `: ${text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text}`;
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
