import { type RegistryFacts, registryFactsOf } from '@slipway/client';
import { machineHint, machineLimitOf } from '@slipway/digest';
import { CredentialsError } from '@slipway/docker-credentials';
import { RegistryError } from '@slipway/registry-client';
import { CertificateError } from '@slipway/registry-client/tls';
import { JobFailedError } from '../daemon/job.ts';
import { certificateErrorAdvice, credentialsErrorAdvice } from './credential-advice.ts';
import { errorCodeOf } from './exit-code.ts';
import { daemonHintFor, hintFor, sourceHintFor } from './hints.ts';
import { type Advice, registryAdvice, tlsAdvice } from './registry-advice.ts';

/**
 * What to do about a failure, told by its chain of causes. The rules that know what happened come first, then the hint
 * that an error brings along, then what can be said of its code alone.
 */
export function adviceFor(chain: readonly Error[]): string | undefined {
  const told = chain.find((link) => link instanceof JobFailedError);
  if (told !== undefined) return told.hint ?? daemonHintFor(told.code, told.origin);
  const limit = machineLimitOf(chain[0]);
  if (limit !== undefined) return machineHint(limit);
  const side = chain.map((link) => (link as { origin?: unknown }).origin).find((origin) => origin !== undefined);
  const facts = registryFactsOf(chain[0]);
  if (side === 'source' || chain.some((link) => errorCodeOf(link)?.startsWith('ERR_SOURCE_'))) {
    const hint =
      wayToSourceAdvice(chain, facts) ??
      chain
        .toReversed()
        .map((link) => sourceHintFor(errorCodeOf(link)))
        .find((found) => found !== undefined);
    if (hint !== undefined) return hint;
  }
  for (const link of chain) {
    const advice = adviceOf(link, chain, facts);
    if (advice !== undefined) return advice ?? undefined;
  }
  for (const link of chain) {
    const { hint } = link as { hint?: unknown };
    if (typeof hint === 'string' && hint !== '') return hint;
  }
  for (const link of [...chain].reverse()) {
    const hint = hintFor(errorCodeOf(link));
    if (hint !== undefined) return hint;
  }
  return undefined;
}

const reasonsOfTheWay: ReadonlySet<string> = new Set(['https-expected', 'storage', 'web-page']);

/** Names, certificates and credentials are put right the same way on both sides, and so is what answered elsewhere. */
function wayToSourceAdvice(chain: readonly Error[], facts: RegistryFacts | undefined): string | undefined {
  const failure = chain.find((link) => link instanceof RegistryError);
  if (failure === undefined) return undefined;
  const { code, reason } = failure;
  const isOfTheWay =
    code === 'ERR_REGISTRY_UNREACHABLE' ||
    code === 'ERR_REGISTRY_UNAUTHORIZED' ||
    (reason !== undefined && reasonsOfTheWay.has(reason));
  return isOfTheWay ? (adviceOf(failure, chain, facts) ?? hintFor(reason)) : undefined;
}

function adviceOf(link: Error, chain: readonly Error[], facts: RegistryFacts | undefined): Advice {
  const advice = clientAdvice[errorCodeOf(link) ?? ''];
  if (advice !== undefined) return advice;
  if (link instanceof CredentialsError) return credentialsErrorAdvice(link);
  if (link instanceof CertificateError) return certificateErrorAdvice(link);
  if (!(link instanceof RegistryError)) return undefined;
  if (link.reason !== 'tls') return registryAdvice(link, facts);
  const causes = chain.slice(chain.indexOf(link) + 1);
  return causes.map((cause) => tlsAdvice(errorCodeOf(cause) ?? '', cause.message)).find((found) => found !== undefined);
}

/** Where this program has other ways out than its client. */
const clientAdvice: Readonly<Record<string, string>> = Object.freeze({
  ERR_CLIENT_PASSWORD_IN_NAME:
    'leave them out: `slipway login REGISTRY` keeps them, or pass --username and --password-stdin',
  ERR_CLIENT_ONE_REGISTRY: 'use `slipway login` for each',
  ERR_CLIENT_NO_FOLDER: 'name a folder with --data-dir or SLIPWAY_DATA_DIR',
});
