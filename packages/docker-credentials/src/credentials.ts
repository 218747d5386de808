/** What a user holds for a registry. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /**
   * An OAuth2 refresh token, exchanged at the registry's token server. Docker keeps it under the user name `<token>`.
   */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token sent to the registry as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** What a look-up may be told. */
export interface CredentialProviderOptions {
  readonly signal?: AbortSignal | undefined;
  /** Path within the registry, for providers that keep credentials per repository. */
  readonly repository?: string | undefined;
}

/**
 * Looks up the credentials of a registry, named as in references (`docker.io`, `ghcr.io`, `127.0.0.1:5000`).
 * Resolves to undefined where there are none: the registry is then used anonymously.
 */
export type CredentialProvider = (
  registry: string,
  options?: CredentialProviderOptions,
) => Promise<Credentials | undefined>;
