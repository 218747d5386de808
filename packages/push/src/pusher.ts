import { availableParallelism } from 'node:os';
import { type Compressor, createPlainCompressor, type Digest } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import type { LayerRecord } from '@slipway/metadata-store';
import { canonicalName, familiarName, formatReference } from '@slipway/reference';
import { type Repository, registryProfile } from '@slipway/registry-client';
import { createHostBackoff, retrying } from '@slipway/transfer';
import { assertDestinations, assertItem, assertPusherOptions, assertPushOptions } from './assert-push.ts';
import type { DeliveryRetry } from './deliver/delivery.ts';
import { overEndpoints } from './deliver/endpoints.ts';
import { surviving } from './deliver/listener.ts';
import { meterProgress } from './deliver/meter-progress.ts';
import { Scope } from './deliver/scope.ts';
import type { TagDelivery, TagResult } from './deliver/tag-delivery.ts';
import { pushTags } from './deliver/tags.ts';
import { Turns } from './deliver/turns.ts';
import { PushError, pushFailure } from './errors.ts';
import type { PushEvent } from './events.ts';
import { storedProofs } from './form/diff-id-proofs.ts';
import type { BlobForm } from './form/form.ts';
import { Gate } from './form/gate.ts';
import { confirmsV2 } from './legacy/confirms-v2.ts';
import { isLegacy, type ResolvedPushOptions, resolvePushOptions } from './options.ts';
import { planItem } from './plan/plan.ts';
import type { ItemPlan, PlanContext } from './plan/plan-types.ts';
import { planVariants } from './plan/variants.ts';
import { BlobMemory } from './presence/memory.ts';
import { Presence } from './presence/presence.ts';
import type { Target } from './presence/target.ts';
import type {
  Destination,
  Endpoint,
  LayerKind,
  Pusher,
  PusherOptions,
  PushFormat,
  PushOptions,
  PushResult,
} from './push.ts';
import { TotalsCounter } from './totals.ts';
import { isBusy } from './upload/retry-rules.ts';
import { UploadShapes } from './upload/shapes.ts';
import { Uploader } from './upload/uploader.ts';

/** Makes a pusher of the parts it is given; it owns none of them. @throws {ArgumentError} `ERR_ARGUMENT` when one is missing */
export function createPusher(options: PusherOptions): Pusher {
  assertPusherOptions(options);
  const hostBackoff = options.retry?.hostBackoff ?? createHostBackoff({ clock: options.retry?.clock });
  const uploaders = new Map<string, Uploader>();
  const shared: SharedParts = {
    ...options,
    retry: { ...options.retry, hostBackoff, attempts: options.attempts },
    turns: new Turns(),
    gate: new Gate(availableParallelism() + 1),
    uploaderFor(registry) {
      const uploader =
        uploaders.get(registry) ?? new Uploader(new UploadShapes(registryProfile(registry), options.chunkSize));
      uploaders.set(registry, uploader);
      return uploader;
    },
  };
  return {
    push: (item, destinations, pushOptions) => runPush(shared, item, destinations, pushOptions),
  };
}

/** What all pushes of a pusher share. */
interface SharedParts extends PusherOptions {
  readonly retry: DeliveryRetry;
  readonly turns: Turns;
  /** For compressions that come before their uploads. */
  readonly gate: Gate;
  /** Sends to one registry; what it has shown to take is kept from push to push. */
  uploaderFor(registry: string): Uploader;
}

/** One push: the parts of its pusher, and what its destinations share. */
interface Push extends SharedParts {
  readonly options: ResolvedPushOptions;
  readonly plan: ItemPlan;
  /** What this push has delivered, to whichever repository. */
  readonly delivered: Map<Digest, LayerRecord[]>;
  readonly tell: (event: PushEvent) => void;
}

async function runPush(
  pusher: SharedParts,
  item: SourceItem,
  destinations: readonly Destination[],
  pushOptions: PushOptions | undefined,
): Promise<readonly PushResult[]> {
  assertPushOptions(pushOptions);
  const options = resolvePushOptions(pushOptions);
  options.signal?.throwIfAborted();
  assertItem(item);
  assertDestinations(destinations);
  assertTags(destinations);
  const tell = meterProgress(surviving(options.onEvent), { clock: pusher.retry.clock });
  const forms = new Map<string, BlobForm>();
  const scope = new Scope(options.signal);
  try {
    const { compression } = options;
    const context = planContext(pusher, options, tell, forms, scope.signal);
    const plan = typeof compression === 'string' ? planItem(item, context) : planVariants(item, compression, context);
    const push: Push = { ...pusher, options, plan, delivered: new Map(), tell };
    const groups = [...groupByRepository(destinations).values()];
    // A destination that fails is a result; only the caller's signal ends them all.
    const results = await scope.all(groups.map((group) => () => pushGroup(push, group, scope.signal)));
    const byDestination = new Map(results.flat().map((result) => [result.destination, result.result]));
    return destinations.flatMap((destination) => byDestination.get(destination) ?? []);
  } finally {
    await scope[Symbol.asyncDispose]();
    await Promise.all([...forms.values()].map((form) => form.settled()));
  }
}

function planContext(
  pusher: SharedParts,
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
    verify,
    proofs: storedProofs(pusher.metadataStore),
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

function compressorFor({ gzip, zstd }: PusherOptions, wanted: LayerKind): Compressor {
  const compressor = { none: plain, gzip, zstd }[wanted];
  if (compressor !== undefined) return compressor;
  throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the push: zstd layers cannot be made here', {
    op: 'plan',
    origin: 'request',
    hint: 'use --compression gzip, or a Node that has zstd (22.15 and later)',
  });
}

const plain = createPlainCompressor();

function assertTags(destinations: readonly Destination[]): void {
  for (const { reference } of destinations) {
    if (reference.digest === undefined && reference.tag !== undefined) continue;
    const text = reference.digest === undefined ? 'a destination needs a tag' : 'cannot push a digest reference';
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

interface DestinationResult {
  readonly destination: Destination;
  readonly result: PushResult;
}

/** Pushes to all destinations in one repository. Rejects on abort only; when it settles, nothing of it runs any more. */
async function pushGroup(
  push: Push,
  group: readonly Destination[],
  parent: AbortSignal,
): Promise<readonly DestinationResult[]> {
  const [first] = group;
  if (first === undefined) return [];
  const { options, tell } = push;
  const destination = familiarName(first.reference);
  const totals = new TotalsCounter();
  const emit = (event: PushEvent): void => {
    totals.count(event);
    tell(event);
  };
  emit({ type: 'push:started', destination, repository: canonicalName(first.reference) });
  const settled = await pushToRepository(push, group, first, destination, emit, parent).catch((error: unknown) => {
    parent.throwIfAborted();
    const failure = pushFailure(`to ${destination}`, { op: 'plan', origin: 'destination', cause: error });
    return group.map(({ reference }): TagResult => ({ tag: reference.tag ?? '', error: failure }));
  });
  const byTag = new Map(settled.map((result) => [result.tag, result]));
  return group.flatMap((member) => {
    const result = byTag.get(member.reference.tag ?? '');
    if (result === undefined) return [];
    return { destination: member, result: finish(member, destination, result, { totals, emit, ...options }) };
  });
}

/** Finds an endpoint that serves, and pushes all tags in a scope of their own. */
async function pushToRepository(
  push: Push,
  group: readonly Destination[],
  first: Destination,
  destination: string,
  emit: (event: PushEvent) => void,
  signal: AbortSignal,
): Promise<readonly TagResult[]> {
  const { options, plan, retry, transfers, turns, trustKey } = push;
  const { learn, learnFrom, dryRun, requireSchema2 } = options;
  const tags = [...new Set(group.flatMap(({ reference }) => reference.tag ?? []))];
  const pushAll = await tagPusherOf(options);
  let hasConfirmedV2 = false;
  const emitV2 = (event: PushEvent): void => {
    hasConfirmedV2 ||= confirmsV2(event);
    emit(event);
  };
  const viaV2 = (): Promise<readonly TagResult[]> =>
    overEndpoints(
      first.endpoints,
      { reference: first.reference, name: destination },
      async (repository, endpoint) => {
        await using scope = new Scope(signal);
        const uploader = push.uploaderFor(repository.registry);
        const delivery: TagDelivery = {
          ...{ scope, transfers, uploader, turns, retry },
          ...{ tags, learn, learnFrom, dryRun, requireSchema2, trustKey },
        };
        return await pushAll(plan, targetOf(push, first, repository, endpoint, emitV2), delivery);
      },
      {
        retry,
        signal,
        onRetry: (message) =>
          emit({ type: 'warning', destination, code: 'connect-retry', message: `${destination}: ${message}` }),
      },
    );
  if (options.protocol === 'v2') return await viaV2();
  const { overProtocols } = await import('./legacy/protocols.ts');
  return await overProtocols({
    ...{ plan, first, destination, viaV2, emit, pusher: push, options, signal, tags },
    hasConfirmedV2: () => hasConfirmedV2,
  });
}

function targetOf(
  { retry, options, metadataStore, delivered }: Push,
  { reference, hmacKey, hasAuthInfo = false }: Destination,
  repository: Repository,
  { allowNondistributable = false }: Endpoint,
  emit: (event: PushEvent) => void,
): Target {
  const name = canonicalName(reference);
  const destination = familiarName(reference);
  return {
    ...{ repository, name, destination, hmacKey, hasAuthInfo, allowNondistributable, emit },
    memory: new BlobMemory({
      ...{ store: metadataStore, repository: name, hmacKey, delivered },
      onFailure: onceWarned(emit, destination),
    }),
    presence: new Presence(options.force),
    ask: (question, { signal }) =>
      retrying(() => question(repository), { ...retry, signal, host: repository.registry, isTransient: isBusy }),
  };
}

/** What pushes tags over the distribution protocol; that of old is loaded when it is asked for. */
async function tagPusherOf({ format }: ResolvedPushOptions): Promise<typeof pushTags> {
  if (format === 'schema1') return (await import('./legacy/push-schema1.ts')).pushSchema1Tags;
  if (format === 'schema1-2015') return (await import('./legacy/push-graph.ts')).pushGraphTags;
  return pushTags;
}

function finish(
  { reference }: Destination,
  destination: string,
  result: TagResult,
  context: {
    readonly totals: TotalsCounter;
    readonly dryRun: boolean;
    readonly emit: (event: PushEvent) => void;
  },
): PushResult {
  const { emit, dryRun } = context;
  const { tag } = reference;
  const totals = context.totals.now();
  if ('error' in result) {
    emit({ type: 'push:failed', destination, tag, error: result.error });
    return { ok: false, reference, error: result.error, totals };
  }
  const { manifest, unchanged } = result;
  const { digest, mediaType, bytes } = manifest;
  emit({ type: 'push:finished', destination, tag, digest, totals });
  const plan = dryRun ? { plan: context.totals.planned() } : {};
  return { ok: true, reference, digest, mediaType, size: bytes.byteLength, unchanged, totals, ...plan };
}

/** A metadata store that fails is reported once a destination, whatever the number of layers. */
function onceWarned(emit: (event: PushEvent) => void, destination: string): (error: unknown) => void {
  let warned = false;
  return (error) => {
    if (warned) return;
    warned = true;
    const why = error instanceof Error ? error.message : String(error);
    emit({
      type: 'warning',
      destination,
      code: 'metadata-store',
      message: `what was pushed is not remembered: ${why}`,
    });
  };
}
