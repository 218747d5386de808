import type { AbortOptions } from '@slipway/digest';
import { canonicalName } from '@slipway/reference';
import type { V1Session } from '@slipway/registry-client/v1';
import type { TagResult } from '../deliver/tag-delivery.ts';
import { PushError, pushFailure } from '../errors.ts';
import type { PushEvent } from '../events.ts';
import type { ResolvedPushOptions } from '../options.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import type { Destination, PusherOptions } from '../push.ts';
import { continuesOnError, registryErrorOf } from '../upload/retry-rules.ts';
import { assertImagePlan, chainOf } from './legacy-image.ts';
import { pushV1 } from './push-v1.ts';

/** A push to one repository whose protocol is yet to be chosen. */
export interface ProtocolContext {
  readonly plan: ItemPlan;
  /** Any destination in the repository. */
  readonly first: Destination;
  /** Familiar name, as events say it. */
  readonly destination: string;
  readonly tags: readonly string[];
  readonly pusher: PusherOptions;
  readonly options: ResolvedPushOptions;
  /** Ends the push. */
  readonly signal: AbortSignal;
  readonly emit: (event: PushEvent) => void;
  viaV2(): Promise<readonly TagResult[]>;
  /** Whether the registry has shown over v2, by more than its ping, that it speaks it. */
  hasConfirmedV2(): boolean;
}

/**
 * Pushes over v1 when that is asked for. With `auto`, over v2 where the registry shows to speak it; over v1 where it does not,
 * or where a v2 push failed in a way that a v1 registry could have caused.
 *
 * @see https://github.com/moby/moby/blob/v18.09.0/distribution/push.go#L60-L135
 */
export async function overProtocols(context: ProtocolContext): Promise<readonly TagResult[]> {
  const { options, first, signal, viaV2 } = context;
  if (options.protocol === 'v1') return (await viaV1(context)) ?? noEndpoint(context);
  const verdict = await speaksV2(first, { signal });
  if (verdict === 'yes') return await viaV2();
  if (verdict === 'no') return (await viaV1(context).catch(unlessUnopened)) ?? (await viaV2());
  try {
    return await viaV2();
  } catch (error) {
    signal.throwIfAborted();
    if (context.hasConfirmedV2() || !leavesHopeForV1(error)) throw error;
    const results = await viaV1(context).catch(unlessUnopened);
    if (results === undefined) throw error;
    return results;
  }
}

/** No v1 session could be had; what v2 says is then the better answer. */
class Unopened extends Error {}

function unlessUnopened(error: unknown): undefined {
  if (error instanceof Unopened) return undefined;
  throw error;
}

/** Undefined without v1 endpoints. A session that cannot be had lets the next endpoint try; a push that fails does not. */
async function viaV1(context: ProtocolContext): Promise<readonly TagResult[] | undefined> {
  const { first, destination, options, plan, pusher, signal, tags, emit } = context;
  assertImagePlan(plan);
  if (options.dryRun) {
    throw new PushError(
      'ERR_PUSH_FORMAT',
      `Could not plan the push to ${destination}: a v1 registry cannot be asked first`,
      {
        op: 'plan',
        origin: 'request',
        hint: 'leave out --dry-run, or use --protocol v2',
      },
    );
  }
  const chain = chainOf(plan.image);
  let failure: PushError | undefined;
  for (const endpoint of first.v1Endpoints ?? []) {
    let session: V1Session;
    try {
      session = await endpoint.open();
    } catch (cause) {
      failure = pushFailure(`to ${destination}`, { op: 'connect', origin: 'destination', cause });
      continue;
    }
    await using opened = session;
    try {
      await opened.start({ signal });
    } catch (cause) {
      signal?.throwIfAborted();
      failure = pushFailure(`to ${destination}`, { op: 'connect', origin: 'destination', cause });
      continue;
    }
    return await pushV1(opened, [{ chain, tags }], {
      repository: first.reference.repository,
      name: canonicalName(first.reference),
      destination,
      gzip: pusher.gzip,
      signal,
      emit,
      remember: async (id, diffID) => {
        await pusher.metadataStore?.setV1Layer(first.reference.registry, id, diffID).catch(() => {}); // Docker logs it, and goes on
      },
    });
  }
  if (failure === undefined) return undefined;
  if (options.protocol === 'v1') throw failure;
  throw new Unopened(failure.message, { cause: failure });
}

function noEndpoint({ destination }: ProtocolContext): never {
  throw new PushError('ERR_PUSH_NO_ENDPOINT', `No v1 endpoint is left to reach ${destination}`, {
    op: 'connect',
    origin: 'request',
  });
}

/** `maybe` is a registry that answers like one of v2 without saying so; some proxies swallow the header. */
async function speaksV2({ endpoints }: Destination, { signal }: AbortOptions): Promise<'yes' | 'maybe' | 'no'> {
  let verdict: 'maybe' | 'no' = 'no';
  for (const endpoint of endpoints) {
    if (endpoint.ping === undefined) return 'yes';
    try {
      const { status, apiVersions } = await endpoint.ping({ signal });
      if (apiVersions.includes('registry/2.0')) return 'yes';
      if (status === 200 || status === 401) verdict = 'maybe';
    } catch {
      signal?.throwIfAborted(); // whoever cannot be reached has shown nothing
    }
  }
  return verdict;
}

/** Docker's `continueOnError` of the time when there were both: also refusals that a v1 registry would give. */
function leavesHopeForV1(error: unknown): boolean {
  if (continuesOnError(error)) return true;
  const answer = registryErrorOf(error);
  const code = answer?.diagnostics[0]?.code ?? '';
  if (code === 'UNAUTHORIZED' || code === 'MANIFEST_UNKNOWN' || code === 'NAME_UNKNOWN') return true;
  return code === 'UNKNOWN' && (answer?.status === 404 || answer?.status === 405);
}
