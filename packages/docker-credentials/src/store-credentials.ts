import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArgumentError, assertArgument, assertOptions, aText, surviving } from '@slipway/arguments';
import { FileLockError, makeFolder, withFileLock } from '@slipway/file-lock';
import { encodeAuth } from './auth-config.ts';
import { type ConfigFile, entryIn, helperIn, parseConfig, readConfigFile } from './config-file.ts';
import { type CredentialHelper, openCredentialHelper } from './credential-helper.ts';
import { defaultHelperTimeoutMs } from './credential-provider.ts';
import { type CredentialSources, openCredentialPlaces, sourceKinds, writableFile } from './credential-sources.ts';
import type { Credentials } from './credentials.ts';
import { CredentialsError } from './errors.ts';
import { readCredentials } from './given-credentials.ts';
import { helperAddressesOf, normalizeKey, serverAddressOf } from './registry-key.ts';
import { systemCodeOf } from './system-code.ts';

/** Where credentials were put. */
export interface StoredCredentials {
  /** Path of the file that keeps them, or that names the helper. */
  readonly file: string;
  /** Name of the helper that keeps them; undefined when they stand in the file, readable for whoever reads it. */
  readonly helper: string | undefined;
}

/**
 * Keeps the credentials of a registry where docker would: with the helper that the file names, else in the file. All
 * else that the file holds stays as it is.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`, `ERR_CREDENTIAL_HELPER`
 * @throws {ArgumentError} `ERR_ARGUMENT` when they are none, or the user name has a colon, which the file's form cannot
 * hold
 */
export async function storeCredentials(
  registry: string,
  given: Credentials,
  sources: CredentialSources,
): Promise<StoredCredentials> {
  assertArgument('registry', registry, aText);
  const credentials = readCredentials(given);
  assertOptions('sources', sources, sourceKinds);
  if (credentials.kind === 'basic') assertStorable(credentials);
  const { path, file } = await openWritable(sources);
  const helper = helperFor(file, registry, sources);
  const address = serverAddressOf(registry);
  if (helper && credentials.kind !== 'registry-token') {
    await helper.helper.store(address, credentials);
    // Docker notes what its helpers keep, without the secret.
    await changeDocument(path, (current) => withEntry(current, registry, address, {}));
    return { file: path, helper: helper.name };
  }
  await changeDocument(path, (current) => withEntry(current, registry, address, entryOf(credentials)));
  surviving(
    'onWarning',
    sources.onWarning,
  )?.(
    `the credentials of ${registry} are stored unencrypted in ${path}: name a credential helper in its ` +
      'credsStore to keep them safer',
  );
  return { file: path, helper: undefined };
}

/**
 * Forgets the credentials of a registry, in the helper and in the file; resolves to whether there were any. Says by
 * `onWarning` where others are left, which this program would go on to use.
 *
 * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`, `ERR_CREDENTIAL_HELPER`
 */
export async function eraseCredentials(registry: string, sources: CredentialSources): Promise<boolean> {
  assertArgument('registry', registry, aText);
  assertOptions('sources', sources, sourceKinds);
  const { path, file } = await openWritable(sources);
  const helper = helperFor(file, registry, sources);
  let erased = false;
  if (helper) {
    for (const address of helperAddressesOf(registry)) {
      // Some helpers also succeed in erasing nothing, so what they say of it is not believed.
      const { credentials } = await helper.helper.get(address);
      if (!credentials) continue;
      await helper.helper.erase(address);
      erased = true;
    }
  }
  if (withoutEntry(file, registry) !== undefined) {
    await changeDocument(path, (current) => {
      erased ||= hasEntry(current, registry);
      return withoutEntry(current, registry);
    });
  }
  await tellOthers(path, registry, sources);
  return erased;
}

/** Says where other credentials of the registry are left: files that are of no use have none. */
async function tellOthers(path: string, registry: string, sources: CredentialSources): Promise<void> {
  if (sources.authFile || sources.env['REGISTRY_AUTH_FILE']) return;
  for await (const place of openCredentialPlaces(sources)) {
    if (place.kind !== 'read' || place.name === path || !hasEntry(place.file, registry)) continue;
    surviving('onWarning', sources.onWarning)?.(`other credentials of ${registry} are left in ${place.name}`);
  }
}

function hasEntry(file: ConfigFile, registry: string): boolean {
  try {
    return entryIn(file, registry, undefined) !== undefined;
  } catch {
    return true; // it is there, and cannot be understood
  }
}

async function openWritable(sources: CredentialSources): Promise<{ readonly path: string; readonly file: ConfigFile }> {
  const path = await writableFile(sources);
  if (path === undefined) {
    const facts = { reason: 'unwritable', file: 'config.json' } as const;
    const message = 'cannot keep credentials: this user has no home folder, and no file is named';
    throw new CredentialsError('ERR_CREDENTIALS_FILE', message, facts);
  }
  return { path, file: await readOrEmpty(path) };
}

async function readOrEmpty(path: string): Promise<ConfigFile> {
  return (await readConfigFile(path)) ?? parseConfig(path, '');
}

/** What the file's form cannot hold, or a reader would take for no credentials. */
function assertStorable({ username, password }: Extract<Credentials, { kind: 'basic' }>): void {
  assertArgument('username', username, aText);
  assertArgument('password', password, aText);
  if (username.includes(':')) throw new ArgumentError('username', 'Expected `username` to have no colon');
}

function helperFor(
  file: ConfigFile,
  registry: string,
  { env, helperTimeoutMs = defaultHelperTimeoutMs }: CredentialSources,
): { readonly name: string; readonly helper: CredentialHelper } | undefined {
  const name = helperIn(file, registry);
  if (name === undefined) return undefined;
  return { name, helper: openCredentialHelper(name, { env, namedBy: file.name, timeoutMs: helperTimeoutMs }) };
}

function entryOf(credentials: Credentials): Record<string, string> {
  switch (credentials.kind) {
    case 'basic':
      return { auth: encodeAuth(credentials.username, credentials.password) };
    case 'identity-token':
      return { identitytoken: credentials.token };
    case 'registry-token':
      return { registrytoken: credentials.token };
    default:
      return credentials satisfies never;
  }
}

/**
 * The document with one entry for the registry, under docker's key; unknown fields of an old entry of that key stay.
 */
function withEntry(file: ConfigFile, registry: string, address: string, entry: Record<string, string>): object {
  const old = file.auths[address];
  const { username, password, auth, identitytoken, registrytoken, ...unknown } =
    typeof old === 'object' && old !== null ? (old as Record<string, unknown>) : {};
  return { ...file.document, auths: { ...entriesOfOthers(file, registry), [address]: { ...unknown, ...entry } } };
}

/** The document without the registry; undefined when it had no entry. */
function withoutEntry(file: ConfigFile, registry: string): object | undefined {
  const others = entriesOfOthers(file, registry);
  if (Object.keys(others).length === Object.keys(file.auths).length) return undefined;
  return { ...file.document, auths: others };
}

function entriesOfOthers(file: ConfigFile, registry: string): Record<string, unknown> {
  const host = normalizeKey(registry);
  return Object.fromEntries(Object.entries(file.auths).filter(([key]) => normalizeKey(key) !== host));
}

/** How long others may have the file to themselves: a change takes milliseconds. */
const lockTimeoutMs = 30_000;

/**
 * Changes the file as it is now, one at a time among all who use this package: logins that come at once, in several
 * processes too, keep each other's. Docker itself does not ask for a lock.
 *
 * @param change undefined where nothing has to be written
 */
async function changeDocument(path: string, change: (file: ConfigFile) => object | undefined): Promise<void> {
  try {
    await makeFolder(dirname(path), 0o700);
    const target = await realpath(path).catch(() => path);
    const lock = join(dirname(target), `.${basename(target)}.slipway-lock`);
    await withFileLock(lock, { timeoutMs: lockTimeoutMs }, async () => {
      const changed = change(await readOrEmpty(path));
      if (changed !== undefined) await writeDocument(path, changed);
    });
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): CredentialsError {
  const system = cause instanceof FileLockError ? (cause.cause ?? cause) : cause;
  const message = `cannot write credentials to ${path}: ${systemCodeOf(system)}`;
  return new CredentialsError('ERR_CREDENTIALS_FILE', message, { reason: 'unwritable', file: path }, { cause: system });
}

/** Replaces the file as a whole, readable for its owner alone; a reader sees the old one or the new one. */
async function writeDocument(path: string, document: object): Promise<void> {
  let temporary: string | undefined;
  try {
    // The link stays a link: people keep such files elsewhere and link to them.
    const target = await realpath(path).catch(() => path);
    temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(`${JSON.stringify(document, undefined, '\t')}\n`);
    await file.sync();
    await rename(temporary, target);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw unwritable(path, error);
  }
}
