import type { CredentialReport } from '@slipway/docker-credentials';

/** What this program knows of a registry that a failure came from, beside the failure itself. */
export interface RegistryFacts {
  /** As in references. */
  readonly registry: string;
  /** Where credentials were looked for, and what was found. */
  readonly credentials: CredentialReport;
  /** Whether the registry, or its token server, asked for credentials: only then were they shown. */
  readonly wasAsked: boolean;
}

const noted = new WeakMap<Error, RegistryFacts>();

/** Notes what is known of the registry that `error` came from, for the advice. */
export function noteFacts(error: unknown, facts: RegistryFacts | undefined): void {
  if (error instanceof Error && facts !== undefined) noted.set(error, facts);
}

/** What was noted of the first of these errors that has a note. */
export function factsOf(chain: readonly Error[]): RegistryFacts | undefined {
  return chain.map((link) => noted.get(link)).find((facts) => facts !== undefined);
}
