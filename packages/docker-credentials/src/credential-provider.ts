import { anObject, aSignal, aString, assertMembers, assertOptions, surviving } from '@slipway/arguments';
import { createSharedWork, type SharedWork } from '@slipway/transfer';
import { type AuthConfig, authConfigFrom, credentialsOf } from './auth-config.ts';
import { type ConfigFile, entryIn, helperIn } from './config-file.ts';
import { type HelperAnswer, openCredentialHelper } from './credential-helper.ts';
import {
  type CredentialReport,
  type CredentialStep,
  describeFound,
  type FoundCredentials,
} from './credential-report.ts';
import {
  type CredentialPlace,
  type CredentialSources,
  openCredentialPlaces,
  remarksOn,
  sourceKinds,
} from './credential-sources.ts';
import type { CredentialProvider, CredentialProviderOptions } from './credentials.ts';
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
   * The auth config that docker would push with, which the HMAC key is made of. Undefined when there are no
   * credentials, also because a file or a helper is of no use: whether they were needed only the registry can say.
   *
   * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the file that was named cannot be used
   */
  authConfigOf(registry: string, options?: CredentialProviderOptions): Promise<AuthConfig | undefined>;
  /**
   * Where the credentials of a registry were looked for, and what was found, without the secrets: for advice.
   *
   * @throws {CredentialsError} `ERR_CREDENTIALS_FILE` when the file that was named cannot be used
   */
  describe(registry: string, options?: CredentialProviderOptions): Promise<CredentialReport>;
}

/** Milliseconds a credential helper may take. */
export const defaultHelperTimeoutMs = 30_000;

/**
 * Makes a provider that reads the files anew at each question, and asks each helper once for each registry.
 *
 * In a file, the helper for the registry comes before the store for all, and that before what is written in the file
 * itself. A file or a helper that is of no use is an error only if no other place has the credentials; else `onWarning`
 * is told. The lookup rejects with `CredentialsError`, `ERR_CREDENTIALS_FILE` or `ERR_CREDENTIAL_HELPER`.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function createCredentialProvider(sources: CredentialProviderSources): UserCredentialProvider {
  assertOptions('sources', sources, {
    ...sourceKinds,
    optional: { ...sourceKinds.optional, explicit: anObject },
  });
  if (sources.explicit !== undefined) {
    assertMembers('sources.explicit', sources.explicit, { required: { username: aString, password: aString } });
  }
  const lookup = new Lookup(sources);
  const provide: CredentialProvider = async (registry, options = {}) => {
    assertOptions('options', options, { optional: { signal: aSignal, repository: aString } });
    const { authConfig, failure } = await lookup.find(registry, options);
    if (authConfig === undefined && failure) throw failure;
    return authConfig && credentialsOf(authConfig);
  };
  return Object.assign(provide, {
    async authConfigOf(registry: string, options: CredentialProviderOptions = {}) {
      assertOptions('options', options, { optional: { signal: aSignal, repository: aString } });
      const { authConfig, failure } = await lookup.find(registry, options);
      if (authConfig === undefined && failure?.code === 'ERR_CREDENTIALS_FILE') lookup.warn(failure.message);
      return authConfig;
    },
    async describe(registry: string, options: CredentialProviderOptions = {}) {
      assertOptions('options', options, { optional: { signal: aSignal, repository: aString } });
      return (await lookup.find(registry, options)).report;
    },
  });
}

interface Found {
  readonly authConfig: AuthConfig | undefined;
  /** What would perhaps have had them. */
  readonly failure: CredentialsError | undefined;
  readonly report: CredentialReport;
}

class Lookup {
  readonly #sources: CredentialProviderSources;
  /**
   * Answers of helpers by helper and registry, failures too: a keychain that hangs should do so once. A helper that
   * nobody waits for any more is killed, and asked anew by whoever comes next.
   */
  readonly #asked = new Map<string, SharedWork<HelperAnswer>>();
  readonly #warned = new Set<string>();

  constructor(sources: CredentialProviderSources) {
    this.#sources = sources;
  }

  async find(registry: string, options: CredentialProviderOptions): Promise<Found> {
    options.signal?.throwIfAborted();
    const { explicit } = this.#sources;
    if (explicit) {
      const { username, password } = explicit;
      return found({ username, password }, { place: undefined, helper: undefined, key: undefined }, []);
    }
    const steps: CredentialStep[] = [];
    let failure: CredentialsError | undefined;
    for await (const place of openCredentialPlaces(this.#sources)) {
      const { step, authConfig, key } = await this.#look(place, registry, options);
      steps.push(step);
      if (step.error && (place.kind !== 'skipped' || place.isTold)) failure ??= step.error;
      if (!authConfig) continue;
      if (failure) this.warn(`${failure.message}; the credentials in ${place.name} are used instead`);
      const isHelpers = key === undefined;
      return found(authConfig, { place: place.name, helper: isHelpers ? step.helper : undefined, key }, steps);
    }
    return { authConfig: undefined, failure, report: { steps, found: undefined } };
  }

  /** Tells a thing once. */
  warn(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    surviving('onWarning', this.#sources.onWarning)?.(message);
  }

  async #look(
    place: CredentialPlace,
    registry: string,
    { repository, signal }: CredentialProviderOptions,
  ): Promise<{
    readonly step: CredentialStep;
    readonly authConfig?: AuthConfig | undefined;
    readonly key?: string | undefined;
  }> {
    const { name, namedBy } = place;
    const step = { place: name, namedBy, helper: undefined, helperSaid: undefined, error: undefined };
    if (place.kind === 'absent') return { step: { ...step, outcome: 'absent' } };
    if (place.kind === 'skipped') return { step: { ...step, outcome: 'skipped', error: place.error } };
    const { file } = place;
    for (const remark of remarksOn(file, this.#sources)) this.warn(remark);
    const asked = await this.#askHelper(file, registry, signal);
    if (asked.answer?.credentials) {
      const authConfig = authConfigFrom(asked.answer.credentials);
      return { step: { ...step, outcome: 'used', helper: asked.helper }, authConfig };
    }
    const { entry, error } = tryEntry(file, registry, repository);
    return {
      step: {
        ...step,
        outcome: entry ? 'used' : 'nothing',
        helper: asked.helper,
        helperSaid: asked.answer?.said,
        error: asked.error ?? error,
      },
      authConfig: entry?.authConfig,
      key: entry?.key,
    };
  }

  async #askHelper(
    file: ConfigFile,
    registry: string,
    signal: AbortSignal | undefined,
  ): Promise<{
    readonly helper?: string | undefined;
    readonly answer?: HelperAnswer | undefined;
    readonly error?: CredentialsError | undefined;
  }> {
    let helper: string | undefined;
    try {
      const name = helperIn(file, registry);
      if (name === undefined) return {};
      helper = `docker-credential-${name}`;
      return { helper, answer: await this.#answerOf(name, file, registry).join(signal) };
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      return { helper, error };
    }
  }

  #answerOf(name: string, file: ConfigFile, registry: string): SharedWork<HelperAnswer> {
    const key = `${name} ${registry}`;
    const known = this.#asked.get(key);
    if (known !== undefined && !known.isAborted) return known;
    const asked = createSharedWork((signal) => this.#runHelper(name, file, registry, signal));
    this.#asked.set(key, asked);
    return asked;
  }

  async #runHelper(name: string, file: ConfigFile, registry: string, signal: AbortSignal): Promise<HelperAnswer> {
    const { env, helperTimeoutMs = defaultHelperTimeoutMs } = this.#sources;
    const helper = openCredentialHelper(name, { env, namedBy: file.name, timeoutMs: helperTimeoutMs });
    let said: string | undefined;
    for (const address of helperAddressesOf(registry)) {
      const answer = await helper.get(address, signal);
      if (answer.credentials) return answer;
      said ??= answer.said;
    }
    return { credentials: undefined, said };
  }
}

function tryEntry(
  file: ConfigFile,
  registry: string,
  repository: string | undefined,
): { readonly entry?: ReturnType<typeof entryIn>; readonly error?: CredentialsError } {
  try {
    return { entry: entryIn(file, registry, repository) };
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    return { error };
  }
}

function found(
  authConfig: AuthConfig,
  origin: Pick<FoundCredentials, 'place' | 'helper' | 'key'>,
  steps: readonly CredentialStep[],
): Found {
  const report = { steps, found: describeFound(authConfig, credentialsOf(authConfig), origin) };
  return { authConfig, failure: undefined, report };
}
