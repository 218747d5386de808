import { open } from 'node:fs/promises';
import { type AuthConfig, decodeAuth } from './auth-config.ts';
import { CredentialsError } from './errors.ts';
import { findKey } from './registry-key.ts';

/** Nobody's credentials are this long; a folder full of images mistaken for a file might be. */
const maxBytes = 4 * 1024 * 1024;

/** What a credentials file says. */
export interface ConfigFile {
  /** Path, or name of the variable, for messages. */
  readonly name: string;
  readonly auths: Readonly<Record<string, unknown>>;
  /** Registry to helper. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** Helper for all other registries. */
  readonly credsStore: string | undefined;
  /** Everything the file holds, known or not. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** How a file is to be read. */
export interface ReadConfigOptions {
  /** Registries stand at the top level, as in docker's old `.dockercfg`. @default false */
  readonly isLegacy?: boolean | undefined;
}

/**
 * Reads `config.json`, `auth.json` or `.dockercfg`; undefined where there is none.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`
 */
export async function readConfigFile(path: string, options: ReadConfigOptions = {}): Promise<ConfigFile | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  return parseConfig(path, text, options);
}

/**
 * Understands the text of a credentials file. An empty one is an empty object, as docker has it.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`
 */
export function parseConfig(name: string, text: string, { isLegacy = false }: ReadConfigOptions = {}): ConfigFile {
  const document = parseObject(name, text);
  if (isLegacy) return { name, auths: document, credHelpers: {}, credsStore: undefined, document };
  const { auths = {}, credHelpers = {}, credsStore } = document;
  if (!isRecord(auths)) throw invalid(name, '`auths` is not an object');
  if (!isRecord(credHelpers)) throw invalid(name, '`credHelpers` is not an object');
  for (const helper of [...Object.values(credHelpers), ...(credsStore ? [credsStore] : [])]) assertHelper(name, helper);
  return {
    name,
    auths,
    credHelpers: credHelpers as Record<string, string>,
    credsStore: (credsStore as string | undefined) || undefined,
    document,
  };
}

/**
 * The credentials written in the file itself for a repository, or for its registry; entries without any, which docker
 * writes for what a helper keeps, do not count.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the entry cannot be understood
 */
export function authConfigIn(
  file: ConfigFile,
  registry: string,
  repository: string | undefined,
): AuthConfig | undefined {
  const filled = Object.keys(file.auths).filter((key) => !isEmptyEntry(file.auths[key]));
  const key = findKey(filled, registry, repository);
  return key === undefined ? undefined : parseEntry(file, key);
}

/** The helper that the file names for a registry, else for all. An empty name means the file itself, as docker has it. */
export function helperIn(file: ConfigFile, registry: string): string | undefined {
  const key = findKey(Object.keys(file.credHelpers), registry, undefined);
  return key === undefined ? file.credsStore : file.credHelpers[key] || undefined;
}

function parseEntry(file: ConfigFile, key: string): AuthConfig {
  const entry = file.auths[key];
  const where = `\`auths\` of ${JSON.stringify(key)}`;
  if (!isRecord(entry)) throw invalid(file.name, `${where} is not an object`);
  const fields = ['username', 'password', 'auth', 'identitytoken', 'registrytoken'] as const;
  for (const field of fields) {
    if (!['string', 'undefined'].includes(typeof entry[field]))
      throw invalid(file.name, `\`${field}\` in ${where} is not text`);
  }
  const { auth, ...plain } = entry as AuthConfig;
  const decoded = auth ? decodeAuth(auth) : { username: plain.username, password: plain.password };
  if (!decoded) throw invalid(file.name, `\`auth\` in ${where} is not base64 of user:password`);
  return Object.fromEntries(
    Object.entries({ ...decoded, identitytoken: plain.identitytoken, registrytoken: plain.registrytoken }).filter(
      ([, value]) => value,
    ),
  );
}

function isEmptyEntry(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  return !['username', 'password', 'auth', 'identitytoken', 'registrytoken'].some((field) => entry[field]);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > maxBytes) throw invalid(path, `it has ${size} bytes, more than the ${maxBytes} allowed`);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CredentialsError('ERR_CREDENTIALS_FILE', `cannot read credentials from ${path}: ${code}`, {
      cause: error,
      ...(code === 'EACCES' && { hint: 'check who owns the file; `sudo docker login` leaves it to root' }),
    });
  }
}

function parseObject(name: string, text: string): Record<string, unknown> {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') return {};
  let document: unknown;
  try {
    document = JSON.parse(trimmed);
  } catch (error) {
    // The message of the syntax error quotes what stands there, so only its position may pass.
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    throw invalid(name, `it is not valid JSON${position === undefined ? '' : ` (at character ${position})`}`);
  }
  if (!isRecord(document)) throw invalid(name, 'it is not a JSON object');
  return document;
}

function assertHelper(name: string, helper: unknown): void {
  // The name becomes part of a program's name: it must not lead out of PATH.
  if (typeof helper === 'string' && (helper === '' || /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper))) return;
  throw invalid(name, `${JSON.stringify(helper)} is not the name of a credential helper`);
}

function invalid(name: string, why: string): CredentialsError {
  return new CredentialsError('ERR_CREDENTIALS_FILE', `cannot use the credentials in ${name}: ${why}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
