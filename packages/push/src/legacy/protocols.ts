import type { AbortOptions } from '@slipway/digest';
import { canonicalName } from '@slipway/reference';
import type { V1Session } from '@slipway/registry-client/v1';
import { abortable, systemClock } from '@slipway/transfer';
import { answered, answering } from '../answered.ts';
import type { TagResult } from '../deliver/manifests/tag-delivery.ts';
import type { SharedParts } from '../deliver/push-parts.ts';
import { PushError, pushFailure } from '../errors.ts';
import type { PushEvent } from '../events.ts';
import type { ResolvedPushOptions } from '../options.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import type { Destination } from '../push.ts';
import { continuesOnError, destinationErrorOf } from '../upload/retry-rules.ts';
import { assertImagePlan, chainOf } from './legacy-image.ts';
import { blobKeyOf, type PushV1Options, pushV1, type V1PushImage } from './push-v1.ts';

/** The push of some images to one repository whose protocol is yet to be chosen. */
export interface ProtocolContext {
  readonly images: readonly { readonly plan: ItemPlan; readonly tags: readonly string[] }[];
  /** Any destination in the repository. */
  readonly first: Destination;
  /** Familiar name, as events say it. */
  readonly destination: string;
  readonly pusher: SharedParts;
  readonly options: ResolvedPushOptions;
  /** @param at the image that it is about */
  readonly emit: (event: PushEvent, at: number) => void;
  /** Pushes one image. */
  viaV2(at: number, signal: AbortSignal): Promise<readonly TagResult[]>;
  /** Whether the registry has shown over v2, by more than its ping, that it speaks it. */
  hasConfirmedV2(): boolean;
}

/**
 * Pushes over v1 when that is asked for. With `auto`, over v2 where the registry shows to speak it; over v1 where it
 * does not, or where a v2 push failed in a way that a v1 registry could have caused. What was chosen for one image
 * holds for the others. Over v1 the first call pushes all images, and the others are told how theirs ended.
 *
 * @see https://github.com/moby/moby/blob/v18.09.0/distribution/push.go#L60-L135
 */
export function protocolsOf(context: ProtocolContext): ProtocolContext['viaV2'] {
  const { options, first, hasConfirmedV2 } = context;
  let isV2 = false;
  let v1: Promise<V1Results | undefined> | undefined;

  const viaV2: ProtocolContext['viaV2'] = async (at, signal) => {
    const results = await context.viaV2(at, signal);
    isV2 = true;
    return results;
  };
  const unlessV1 = async (
    at: number,
    signal: AbortSignal,
    otherwise: () => Promise<readonly TagResult[]>,
  ): Promise<readonly TagResult[]> => {
    v1 ??= viaV1(context, signal).catch(unlessUnopened);
    const results = await v1;
    return results === undefined ? await otherwise() : (results[at] ?? []);
  };

  return async (at, signal) => {
    if (isV2) return await viaV2(at, signal);
    if (v1 !== undefined) return await unlessV1(at, signal, () => viaV2(at, signal));
    if (options.protocol === 'v1') {
      v1 = viaV1(context, signal);
      return (await v1)?.[at] ?? noEndpoint(context);
    }
    const verdict = await speaksV2(first, { signal });
    if (verdict === 'yes') return await viaV2(at, signal);
    if (verdict === 'no') return await unlessV1(at, signal, () => viaV2(at, signal));
    try {
      return await viaV2(at, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (hasConfirmedV2() || !leavesHopeForV1(error)) throw error;
      return await unlessV1(at, signal, () => Promise.reject(error));
    }
  };
}

/** Of each image, how its tags ended. */
type V1Results = readonly (readonly TagResult[])[];

/** No v1 session could be had, or the registry knows nothing of v1; what v2 says is then the better answer. */
class Unopened extends Error {}

function unlessUnopened(error: unknown): undefined {
  if (error instanceof Unopened) return undefined;
  throw error;
}

/**
 * Undefined without v1 endpoints. A session that cannot be had lets the next endpoint try; a push that fails does not.
 */
async function viaV1(context: ProtocolContext, signal: AbortSignal): Promise<V1Results | undefined> {
  const { first, destination, options, pusher } = context;
  const images = context.images.map(({ plan, tags }) => {
    assertImagePlan(plan);
    return { chain: chainOf(plan.image), tags };
  });
  if (options.dryRun) {
    throw new PushError(
      'ERR_PUSH_FORMAT',
      `Could not plan the push to ${destination}: a v1 registry cannot be asked first`,
      {
        op: 'plan',
        origin: 'request',
        hint: 'leave out `dryRun`, or use `protocol: v2`',
      },
    );
  }
  let failure: PushError | undefined;
  for (const endpoint of first.v1Endpoints ?? []) {
    let session: V1Session;
    try {
      session = answering(await answered(endpoint.open(), signal, (late) => late[Symbol.asyncDispose]()));
    } catch (cause) {
      signal.throwIfAborted();
      failure = pushFailure(`to ${canonicalName(first.reference)}`, { op: 'connect', origin: 'destination', cause });
      continue;
    }
    await using opened = session;
    try {
      await opened.start({ signal });
    } catch (cause) {
      signal.throwIfAborted();
      failure = pushFailure(`to ${canonicalName(first.reference)}`, { op: 'connect', origin: 'destination', cause });
      continue;
    }
    // Images belong to the registry, not to a repository: two that send the same one spoil it for each other.
    return await pusher.turns.take(`v1 ${first.reference.registry}`, Symbol(destination), async (before) => {
      if (before !== undefined) await abortable(before, signal);
      return await pushV1(opened, images, v1OptionsOf(context, images, signal)).catch((error: Error) => {
        if (options.protocol === 'v1' || destinationErrorOf(error)?.operation !== 'push-v1') throw error;
        throw new Unopened(error.message, { cause: error });
      });
    });
  }
  if (failure === undefined) return undefined;
  if (options.protocol === 'v1') throw failure;
  throw new Unopened(failure.message, { cause: failure });
}

function v1OptionsOf(
  { first, destination, pusher, emit }: ProtocolContext,
  images: readonly V1PushImage[],
  signal: AbortSignal,
): PushV1Options {
  const { registry, repository } = first.reference;
  // What several images have in common is counted for the first of them.
  const owners = new Map<string, number>();
  for (const [at, { chain }] of images.entries()) {
    for (const image of chain) if (!owners.has(blobKeyOf(image))) owners.set(blobKeyOf(image), at);
  }
  return {
    ...{ repository, destination, gzip: pusher.gzip, clock: pusher.retry.clock ?? systemClock, signal },
    name: canonicalName(first.reference),
    emit: (event) => emit(event, ('blob' in event ? owners.get(event.blob.key) : undefined) ?? 0),
    remember: async (id, diffID) => {
      await pusher.metadataStore?.setV1Layer(registry, id, diffID).catch(() => {}); // Docker logs it, and goes on
    },
  };
}

function noEndpoint({ first }: ProtocolContext): never {
  throw new PushError('ERR_PUSH_NO_ENDPOINT', `No v1 endpoint is left to reach ${canonicalName(first.reference)}`, {
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
      const { status, apiVersions } = await answered(endpoint.ping({ signal }), signal);
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
  const answer = destinationErrorOf(error);
  const code = answer?.diagnostics[0]?.code ?? '';
  if (code === 'UNAUTHORIZED' || code === 'MANIFEST_UNKNOWN' || code === 'NAME_UNKNOWN') return true;
  return code === 'UNKNOWN' && (answer?.status === 404 || answer?.status === 405);
}
