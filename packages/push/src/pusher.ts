import { availableParallelism } from 'node:os';
import { surviving } from '@slipway/arguments';
import { type Compressor, createPlainCompressor } from '@slipway/digest';
import { canonicalName, formatReference } from '@slipway/reference';
import { registryProfile } from '@slipway/registry-client';
import { createHostBackoff } from '@slipway/transfer';
import { answered, answering } from './answered.ts';
import {
  assertDeliveries,
  assertDestinations,
  assertItem,
  assertPushAllOptions,
  assertPusherOptions,
  assertPushOptions,
} from './assert-push.ts';
import { meterProgress } from './deliver/blobs/meter-progress.ts';
import { Turns } from './deliver/blobs/turns.ts';
import { MakingAhead } from './deliver/making-ahead.ts';
import type { Push, SharedParts } from './deliver/push-parts.ts';
import { type RepositoryItem, RepositoryPush } from './deliver/repository-push.ts';
import { Scope } from './deliver/scope.ts';
import { tracePush } from './deliver/trace-push.ts';
import { PushError } from './errors.ts';
import type { PushEvent } from './events.ts';
import { storedProofs } from './form/diff-id-proofs.ts';
import type { BlobForm } from './form/form.ts';
import { Gate } from './form/gate.ts';
import { RecentMemory } from './form/runs/recent-memory.ts';
import { Notes } from './notes.ts';
import { isLegacy, type ResolvedPushOptions, resolvePushOptions } from './options.ts';
import { planItem } from './plan/plan.ts';
import type { ItemPlan, PlanContext } from './plan/plan-types.ts';
import { withCanonicalDigest } from './plan/root-digest.ts';
import { planVariants } from './plan/variants.ts';
import type {
  Destination,
  LayerKind,
  PushAllOptions,
  PushDelivery,
  Pusher,
  PusherOptions,
  PushFormat,
  PushResult,
} from './push.ts';
import { UploadShapes } from './upload/shapes.ts';
import { Uploader } from './upload/uploader.ts';

/**
 * Makes a pusher of the parts it is given; it owns none of them.
 * @throws {ArgumentError} `ERR_ARGUMENT` when one is missing
 */
export function createPusher(options: PusherOptions): Pusher {
  assertPusherOptions(options);
  const hostBackoff = options.retry?.hostBackoff ?? createHostBackoff({ clock: options.retry?.clock });
  const uploaders = new Map<string, Uploader>();
  const shared: SharedParts = {
    ...options,
    layerCache:
      options.layerCache && answering(options.layerCache, { begin: (writer) => writer?.[Symbol.asyncDispose]() }),
    retry: { ...options.retry, hostBackoff, attempts: options.attempts },
    turns: new Turns(),
    gate: new Gate(compressedAtOnce),
    claimed: new Set(),
    recentMemory: new RecentMemory(),
    uploaderFor(registry) {
      const uploader =
        uploaders.get(registry) ?? new Uploader(new UploadShapes(registryProfile(registry), options.chunkSize));
      uploaders.set(registry, uploader);
      return uploader;
    },
  };
  return {
    async push(item, destinations, pushOptions) {
      assertPushOptions(pushOptions);
      assertItem(item);
      assertDestinations(destinations);
      const [results = []] = await runPush(shared, [{ item, destinations }], pushOptions);
      return results;
    },
    async pushAll(deliveries, pushOptions) {
      assertPushAllOptions(pushOptions);
      assertDeliveries(deliveries);
      return await runPush(shared, deliveries, pushOptions);
    },
  };
}

/** Layers that are compressed at once: one more than there are cores. */
const compressedAtOnce = availableParallelism() + 1;

async function runPush(
  pusher: SharedParts,
  deliveries: readonly PushDelivery[],
  { stopAtFailure = false, onDelivered, ...pushOptions }: PushAllOptions = {},
): Promise<readonly (readonly PushResult[])[]> {
  const options = resolvePushOptions(pushOptions);
  options.signal?.throwIfAborted();
  for (const { destinations } of deliveries) assertTags(destinations, options);
  const each = { stopAtFailure, onDelivered };
  return await tracePush(deliveries, options, async () => await deliverAll(pusher, deliveries, options, each));
}

/** Delivers one item after the other, each to all its repositories at once. */
async function deliverAll(
  pusher: SharedParts,
  deliveries: readonly PushDelivery[],
  options: ResolvedPushOptions,
  { stopAtFailure, onDelivered }: Pick<PushAllOptions, 'stopAtFailure' | 'onDelivered'>,
): Promise<readonly (readonly PushResult[])[]> {
  const tell = meterProgress(surviving('onEvent', options.onEvent) ?? (() => {}), { clock: pusher.retry.clock });
  const forms = new Map<string, BlobForm>();
  const scope = new Scope(options.signal);
  const notes = new Notes(pusher.metadataStore, options.signal);
  // Layers are made in a scope of their own: another push may wait for one when this push aborts.
  const making = new Scope();
  using ahead = makingAhead(pusher, options);
  try {
    const context = planContext({ ...pusher, notes }, options, tell, forms, making.signal);
    const { compression } = options;
    const plans = deliveries.map(({ item, platform = options.platform }) => {
      const own = { ...context, platform };
      const plan = typeof compression === 'string' ? planItem(item, own) : planVariants(item, compression, own);
      return withCanonicalDigest(plan);
    });
    const push: Push = { ...pusher, options, delivered: new Map(), notes, ahead, tell };
    const { repositories, places } = byRepository(plans, deliveries, push);
    const all = deliveries.map((): readonly PushResult[] => []);
    for (const [index, { destinations }] of deliveries.entries()) {
      // A destination that fails is a result; only the caller's signal ends them all.
      const delivered = await scope.all(
        (places[index] ?? []).map(
          ({ name, at }) =>
            async () =>
              repositories.get(name)?.deliver(at, scope.signal),
        ),
      );
      const byDestination = new Map(delivered.flatMap((each) => each ?? []).map((each) => [each.destination, each]));
      const results = destinations.flatMap((destination) => byDestination.get(destination)?.result ?? []);
      all[index] = results;
      await answered(onDelivered?.(results, index), options.signal);
      if (stopAtFailure && results.some(({ ok }) => !ok)) break;
    }
    return all;
  } finally {
    await scope[Symbol.asyncDispose]();
    await making[Symbol.asyncDispose]();
    await Promise.all([...forms.values()].map((form) => form.settled()));
    await notes.settled();
  }
}

/**
 * Layers that nobody has sent have to be made, unless what a manifest claims of them counts without that. Where daemons
 * share turns, one of them makes what all of them send.
 */
function makingAhead(
  { claimed, layerCache, sharedTurns }: SharedParts,
  { format, protocol, learn, force }: ResolvedPushOptions,
): MakingAhead | undefined {
  const isNeeded = (learn === 'prove' || learn === 'off') && protocol === 'v2' && !isLegacy({ format, protocol });
  if (!isNeeded || layerCache === undefined || sharedTurns !== undefined) return undefined;
  return new MakingAhead({ claimed, places: compressedAtOnce, force });
}

/** Where an item stands among those of one repository. */
interface Place {
  readonly name: string;
  readonly at: number;
}

/** What goes into one repository shares its connection, and is known to be there from item to item. */
function byRepository(
  plans: readonly ItemPlan[],
  deliveries: readonly PushDelivery[],
  push: Push,
): { readonly repositories: ReadonlyMap<string, RepositoryPush>; readonly places: readonly (readonly Place[])[] } {
  const items = new Map<string, RepositoryItem[]>();
  const places = deliveries.map(({ destinations }, index) =>
    [...groupByRepository(destinations)].map(([name, group]): Place => {
      const plan = plans[index];
      if (plan === undefined) throw new Error('unreachable: every delivery has a plan');
      const known = items.get(name) ?? [];
      items.set(name, known);
      return { name, at: known.push({ plan, destinations: group }) - 1 };
    }),
  );
  return { repositories: new Map([...items].map(([name, own]) => [name, new RepositoryPush(push, own)])), places };
}

function planContext(
  pusher: SharedParts & Pick<Push, 'notes'>,
  { format, protocol, compression, recompress, platform, verify }: ResolvedPushOptions,
  tell: (event: PushEvent) => void,
  forms: Map<string, BlobForm>,
  signal: AbortSignal,
): PlanContext {
  const told = new Set<string>();
  const isOld = isLegacy({ format, protocol });
  return {
    format: isOld ? 'docker' : (format as PushFormat),
    compression: isOld ? 'gzip' : typeof compression === 'string' ? compression : 'keep',
    recompress: !isOld && recompress,
    platform,
    cache: pusher.layerCache,
    gate: pusher.gate,
    recentMemory: pusher.recentMemory,
    verify,
    proofs: storedProofs(pusher.notes),
    signal,
    compressor: (wanted) => compressorFor(pusher, wanted),
    form(name, make) {
      const form = forms.get(name) ?? make();
      forms.set(name, form);
      return form;
    },
    warn({ code, message }) {
      if (!told.has(message)) tell({ type: 'warning', destination: undefined, code, message });
      told.add(message);
    },
  };
}

function compressorFor({ gzip, zstd, zstdChunked, estargz }: PusherOptions, wanted: LayerKind): Compressor {
  const compressor = { none: plain, gzip, zstd, 'zstd:chunked': zstdChunked, estargz }[wanted];
  if (compressor !== undefined) return compressor;
  throw new PushError('ERR_PUSH_FORMAT', `Could not plan the push: ${wanted} layers cannot be made here`, {
    op: 'plan',
    origin: 'request',
    hint: 'use `compression: gzip`, or a runtime with WebAssembly',
  });
}

const plain = createPlainCompressor();

function assertTags(destinations: readonly Destination[], { format, protocol }: ResolvedPushOptions): void {
  const isOld = isLegacy({ format, protocol }) || protocol === 'auto';
  for (const { reference } of destinations) {
    const { tag, digest } = reference;
    if (digest === undefined ? tag !== undefined : tag === undefined && !isOld) continue;
    const text =
      digest === undefined
        ? 'a destination needs a tag or a digest'
        : tag === undefined
          ? 'what is older than schema 2 is not pushed by digest'
          : 'a destination has a tag or a digest, and not both';
    throw new PushError('ERR_PUSH_DIGEST_REFERENCE', `${text}: ${formatReference(reference)}`, {
      op: 'plan',
      origin: 'request',
    });
  }
}

/** Destinations in one repository share their blobs, so that these are handled once. */
function groupByRepository(destinations: readonly Destination[]): Map<string, Destination[]> {
  const groups = new Map<string, Destination[]>();
  for (const destination of destinations) {
    const name = canonicalName(destination.reference);
    groups.set(name, [...(groups.get(name) ?? []), destination]);
  }
  return groups;
}
