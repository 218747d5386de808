import { FileRefusedError, readFileWithin } from '@slipway/read-file';
import { type AuthConfig, decodeAuth } from './auth-config.ts';
import { decodeConfig } from './config-text.ts';
import { CredentialsError, type CredentialsErrorReason } from './errors.ts';
import { jsonErrorAt } from './json-error.ts';
import { findRegistryKey } from './registry-key.ts';
import { systemCodeOf } from './system-code.ts';

/** Nobody's credentials are this long; a folder full of images mistaken for a file might be. */
const maxBytes = 4 * 1024 * 1024;

/** What a credentials file says. Entries are judged when they are used: those of other registries stop nobody. */
export interface ConfigFile {
  /** Path, or name of the variable, for messages. */
  readonly name: string;
  /** The variable that names the file, if one does. */
  readonly namedBy: string | undefined;
  readonly auths: Readonly<Record<string, unknown>>;
  /** Registry to helper. */
  readonly credHelpers: Readonly<Record<string, unknown>>;
  /** Helper for all other registries. */
  readonly credsStore: unknown;
  /** Everything the file holds, known or not. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Undefined for UTF-8, the only encoding that docker and podman read. */
  readonly encoding: 'UTF-16' | undefined;
}

/** How a file is to be read. */
export interface ReadConfigOptions {
  /** Registries stand at the top level, as in docker's old `.dockercfg`. @default false */
  readonly isLegacy?: boolean | undefined;
  /** The environment variable that names the file. */
  readonly namedBy?: string | undefined;
  /** Somebody named this very file, and so may have named a pipe (`--authfile <(…)`). @default false */
  readonly mayBePipe?: boolean | undefined;
}

/**
 * Reads `config.json`, `auth.json` or `.dockercfg`; undefined where there is none.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`
 */
export async function readConfigFile(path: string, options: ReadConfigOptions = {}): Promise<ConfigFile | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFileWithin(path, { maxBytes, mayBePipe: options.mayBePipe });
  } catch (error) {
    if (isAbsence(error)) return undefined;
    if (!(error instanceof FileRefusedError)) throw unreadable(path, systemCodeOf(error), options, error);
    if (error.code === 'ERR_FILE_TOO_LARGE') throw invalid(path, error.why, options);
    throw unreadable(path, error.why, options, error);
  }
  const { text, encoding } = decodeConfig(bytes);
  return { ...parseConfig(path, text, options), encoding };
}

function isAbsence(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, why: string, { namedBy }: ReadConfigOptions, cause?: unknown): CredentialsError {
  const facts = { reason: 'unreadable', file: path, namedBy } as const;
  return new CredentialsError('ERR_CREDENTIALS_FILE', `cannot read credentials from ${path}: ${why}`, facts, { cause });
}

/**
 * Understands the text of a credentials file. An empty one is an empty object, and null is the same as nothing, as
 * docker has it.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`
 */
export function parseConfig(name: string, text: string, options: ReadConfigOptions = {}): ConfigFile {
  const { isLegacy = false, namedBy } = options;
  const document = parseObject(name, text, options);
  const common = { name, namedBy, document, encoding: undefined };
  if (isLegacy) return { ...common, auths: document, credHelpers: {}, credsStore: undefined };
  const objectOf = (field: 'auths' | 'credHelpers'): Record<string, unknown> => {
    const value = document[field] ?? {};
    if (!isRecord(value)) throw invalid(name, `\`${field}\` is not an object`, options);
    return value;
  };
  return {
    ...common,
    auths: objectOf('auths'),
    credHelpers: objectOf('credHelpers'),
    credsStore: document['credsStore'],
  };
}

/** What a file itself has for a repository. */
export interface FoundEntry {
  /** The entry's name in the file. */
  readonly key: string;
  readonly authConfig: AuthConfig;
}

/**
 * The credentials written in the file itself for a repository, or for its registry; entries without any, which docker
 * writes for what a helper keeps, do not count.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the entry cannot be understood
 */
export function entryIn(file: ConfigFile, registry: string, repository: string | undefined): FoundEntry | undefined {
  const filled = Object.keys(file.auths).filter((key) => !isEmptyEntry(file.auths[key]));
  const key = findRegistryKey(filled, registry, repository);
  return key === undefined ? undefined : { key, authConfig: parseEntry(file, key) };
}

/**
 * The helper that the file names for a registry, else for all. An empty name means the file itself, as docker has it.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the name cannot be that of a helper
 */
export function helperIn(file: ConfigFile, registry: string): string | undefined {
  const key = findRegistryKey(Object.keys(file.credHelpers), registry, undefined);
  const helper = (key === undefined ? file.credsStore : file.credHelpers[key]) ?? '';
  if (helper === '') return undefined;
  // The name becomes part of a program's name: it must not lead out of PATH.
  if (typeof helper === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) return helper;
  throw invalidEntry(file, `${JSON.stringify(helper)} is not the name of a credential helper`);
}

function parseEntry(file: ConfigFile, key: string): AuthConfig {
  const where = `\`auths\` of ${JSON.stringify(key)}`;
  const entry = file.auths[key];
  if (!isRecord(entry)) throw invalidEntry(file, `${where} is not an object`);
  const textOf = (field: (typeof fields)[number]): string | undefined => {
    const value = entry[field] ?? undefined;
    if (value === undefined || typeof value === 'string') return value;
    throw invalidEntry(file, `\`${field}\` in ${where} is not text`);
  };
  const auth = textOf('auth');
  const plain = { username: textOf('username'), password: textOf('password') };
  const decoded = auth ? decodeAuth(auth) : plain;
  if (!decoded) throw invalidEntry(file, `\`auth\` in ${where} is not base64 of user:password`);
  const tokens = { identitytoken: textOf('identitytoken'), registrytoken: textOf('registrytoken') };
  return Object.fromEntries(Object.entries({ ...decoded, ...tokens }).filter(([, value]) => value));
}

const fields = ['username', 'password', 'auth', 'identitytoken', 'registrytoken'] as const;

function isEmptyEntry(entry: unknown): boolean {
  if (entry === null) return true;
  return isRecord(entry) && !fields.some((field) => entry[field]);
}

function parseObject(name: string, text: string, options: ReadConfigOptions): Record<string, unknown> {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') return {};
  let document: unknown;
  try {
    document = JSON.parse(trimmed) ?? {};
  } catch {
    throw invalid(name, `it is not valid JSON${placeOfError(trimmed)}${likenessOf(trimmed)}`, options);
  }
  if (!isRecord(document)) throw invalid(name, 'it is not a JSON object', options);
  return document;
}

/** Where the syntax error is. What stands there may be secret, so only the place is told. */
function placeOfError(text: string): string {
  const before = text.slice(0, jsonErrorAt(text)).split('\n');
  return ` (at line ${before.length}, character ${(before.at(-1)?.length ?? 0) + 1})`;
}

/** What people put where the JSON itself is expected. */
function likenessOf(text: string): string {
  if (/^[A-Za-z0-9+/\s]{16,}={0,2}$/.test(text)) return ', but it looks like base64: expected the JSON itself';
  return /^(?:\/|~|\.\.?\/|[A-Za-z]:\\)\S*$/.test(text) ? ', but a path: expected the JSON itself' : '';
}

function invalid(
  name: string,
  why: string,
  { namedBy }: Pick<ReadConfigOptions, 'namedBy'>,
  reason: CredentialsErrorReason = 'malformed',
): CredentialsError {
  const message = `cannot use the credentials in ${name}: ${why}`;
  return new CredentialsError('ERR_CREDENTIALS_FILE', message, { reason, file: name, namedBy });
}

function invalidEntry(file: ConfigFile, why: string): CredentialsError {
  return invalid(file.name, why, file, 'malformed-entry');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
