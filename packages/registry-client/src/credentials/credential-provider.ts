import { abortable } from '../abortable.ts';
import type { CredentialProvider, CredentialProviderOptions, Credentials } from '../credentials.ts';
import { type AuthConfig, authConfigFrom, credentialsOf } from './auth-config.ts';
import { authConfigIn, type ConfigFile, helperIn } from './config-file.ts';
import { openCredentialHelper } from './credential-helper.ts';
import { type CredentialSources, openCredentialFiles } from './credential-sources.ts';
import { CredentialsError } from './errors.ts';
import { helperAddressesOf } from './registry-key.ts';

/** Where credentials are looked up, and what comes before all that. */
export interface CredentialProviderSources extends CredentialSources {
  /** Used for every registry, whatever the files say: `--username` and `--password-stdin`. */
  readonly explicit?: { readonly username: string; readonly password: string } | undefined;
}

/** Looks up a user's credentials where docker and podman keep them. */
export interface UserCredentialProvider extends CredentialProvider {
  /**
   * The auth config that docker would push with, which the HMAC key is made of. Undefined when there are no credentials,
   * also because a helper failed: whether they were needed only the registry can say.
   *
   * @throws {CredentialsError} `ERR_CREDENTIALS_FILE`
   */
  authConfigOf(registry: string, options?: CredentialProviderOptions): Promise<AuthConfig | undefined>;
}

/** Milliseconds a credential helper may take. */
export const defaultHelperTimeoutMs = 30_000;

/**
 * Makes a provider that reads the files anew at each question, and asks each helper once for each registry.
 *
 * In a file, the helper for the registry comes before the store for all, and that before what is written in the file
 * itself. A helper that fails is an error only if no other place has the credentials; else `onWarning` is told.
 * The lookup rejects with `CredentialsError`, `ERR_CREDENTIALS_FILE` or `ERR_CREDENTIAL_HELPER`.
 */
export function createCredentialProvider(sources: CredentialProviderSources): UserCredentialProvider {
  const lookup = new Lookup(sources);
  const provide: CredentialProvider = async (registry, options = {}) => {
    const authConfig = await lookup.find(registry, options);
    return authConfig && credentialsOf(authConfig);
  };
  const authConfigOf: UserCredentialProvider['authConfigOf'] = async (registry, options = {}) => {
    try {
      return await lookup.find(registry, options);
    } catch (error) {
      if (error instanceof CredentialsError && error.code === 'ERR_CREDENTIAL_HELPER') return undefined;
      throw error;
    }
  };
  return Object.assign(provide, { authConfigOf });
}

class Lookup {
  readonly #sources: CredentialProviderSources;
  /** Answers of helpers by helper and registry, failures too: a keychain that hangs should do so once. */
  readonly #asked = new Map<string, Promise<Credentials | undefined>>();
  readonly #warned = new Set<string>();

  constructor(sources: CredentialProviderSources) {
    this.#sources = sources;
  }

  async find(registry: string, { repository, signal }: CredentialProviderOptions): Promise<AuthConfig | undefined> {
    signal?.throwIfAborted();
    if (this.#sources.explicit) return { ...this.#sources.explicit };
    let failure: CredentialsError | undefined;
    for await (const file of openCredentialFiles(this.#sources)) {
      const kept = await abortable(this.#askHelper(file, registry), signal).catch((error: unknown) => {
        if (!(error instanceof CredentialsError)) throw error;
        failure ??= error;
        return undefined;
      });
      const found = kept ? authConfigFrom(kept) : authConfigIn(file, registry, repository);
      if (!found) continue;
      if (failure) this.#warn(`${failure.message}; the credentials in ${file.name} are used instead`);
      return found;
    }
    if (failure) throw failure;
    return undefined;
  }

  #askHelper(file: ConfigFile, registry: string): Promise<Credentials | undefined> {
    const name = helperIn(file, registry);
    if (name === undefined) return Promise.resolve(undefined);
    const key = `${name} ${registry}`;
    const known = this.#asked.get(key);
    if (known !== undefined) return known;
    const asked = this.#runHelper(name, file, registry);
    asked.catch(() => {}); // whoever waits hears of it; perhaps nobody does any more
    this.#asked.set(key, asked);
    return asked;
  }

  async #runHelper(name: string, file: ConfigFile, registry: string): Promise<Credentials | undefined> {
    const { env, helperTimeoutMs = defaultHelperTimeoutMs } = this.#sources;
    const helper = openCredentialHelper(name, { env, namedBy: file.name, timeoutMs: helperTimeoutMs });
    for (const address of helperAddressesOf(registry)) {
      const credentials = await helper.get(address);
      if (credentials) return credentials;
    }
    return undefined;
  }

  #warn(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#sources.onWarning?.(message);
  }
}
