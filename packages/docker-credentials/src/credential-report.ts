import type { AuthConfig } from './auth-config.ts';
import type { Credentials } from './credentials.ts';
import type { CredentialsError } from './errors.ts';

/** What one place had to say to a look-up. */
export interface CredentialStep {
  /** Path of the file, or name of the variable that holds one. */
  readonly place: string;
  /** The variable that names the file, if one does. */
  readonly namedBy: string | undefined;
  /**
   * `absent`: there is no such file · `skipped`: it cannot be read or understood, see `error` · `nothing`: it has
   * nothing for this registry · `used`: the credentials come from here.
   */
  readonly outcome: 'absent' | 'skipped' | 'nothing' | 'used';
  /** The helper that the place names for this registry: `docker-credential-pass`. */
  readonly helper: string | undefined;
  /** Why the helper has nothing, if it said so; secrets are masked. */
  readonly helperSaid: string | undefined;
  /** What was wrong with the file or its helper. */
  readonly error: CredentialsError | undefined;
}

/** The credentials that were found, without their secrets. */
export interface FoundCredentials {
  readonly kind: Credentials['kind'];
  /** Of `basic` credentials. */
  readonly username: string | undefined;
  /** Path of the file, name of the variable, or undefined for those that the caller gave. */
  readonly place: string | undefined;
  readonly helper: string | undefined;
  /** The entry's name in the file. */
  readonly key: string | undefined;
  /** The password ends in a line break, as `echo … | base64` leaves it: hardly ever what was meant. */
  readonly endsInLineBreak: boolean;
}

/** How the credentials of a registry were looked up. Holds no secret. */
export interface CredentialReport {
  /** Every place that was asked, up to the one that had them. */
  readonly steps: readonly CredentialStep[];
  readonly found: FoundCredentials | undefined;
}

/** Describes credentials by what may be shown. */
export function describeFound(
  authConfig: AuthConfig,
  credentials: Credentials | undefined,
  origin: Pick<FoundCredentials, 'place' | 'helper' | 'key'>,
): FoundCredentials {
  return {
    ...origin,
    kind: credentials?.kind ?? 'basic',
    username: credentials?.kind === 'basic' ? credentials.username : authConfig.username,
    endsInLineBreak: credentials?.kind === 'basic' && /[\r\n]$/.test(credentials.password),
  };
}
