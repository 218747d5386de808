import type { CredentialReport } from '@slipway/docker-credentials';

/** What is known of a registry that a failure came from, beside the failure itself. */
export interface RegistryFacts {
  /** As in references. */
  readonly registry: string;
  /** Where credentials were looked for, and what was found. */
  readonly credentials: CredentialReport;
  /** Whether the registry, or its token server, asked for credentials: only then were they shown. */
  readonly wasAsked: boolean;
}

const noted = new WeakMap<Error, RegistryFacts>();

/** Notes what is known of the registry that `error` came from, for whoever tells of the failure. */
export function noteRegistryFacts(error: unknown, facts: RegistryFacts | undefined): void {
  if (error instanceof Error && facts !== undefined) noted.set(error, facts);
}

/** What is known of the registry that a failure came from, by the error itself or one of its causes. */
export function registryFactsOf(error: unknown): RegistryFacts | undefined {
  const seen = new Set<unknown>();
  for (let link = error; link instanceof Error && !seen.has(link); link = causeOf(link)) {
    const facts = noted.get(link);
    if (facts !== undefined) return facts;
    seen.add(link);
  }
  return undefined;
}

function causeOf(error: Error): unknown {
  return error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);
}
