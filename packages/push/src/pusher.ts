import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Compression, Compressor } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import { canonicalName, familiarName, formatReference } from '@slipway/reference';
import { registryProfile } from '@slipway/registry-client';
import { createHostBackoff } from '@slipway/transfer';
import { overEndpoints } from './deliver/endpoints.ts';
import { lendTransfers } from './deliver/lent-transfers.ts';
import { patientRepository } from './deliver/patient-repository.ts';
import type { PushBlobsOptions } from './deliver/push-blobs.ts';
import { pushTags, type TagResult } from './deliver/push-tags.ts';
import { Turns } from './deliver/turns.ts';
import { PushError, pushFailure } from './errors.ts';
import type { PushEvent, PushTotals } from './events.ts';
import { storedProofs } from './form/diff-id-check.ts';
import type { BlobForm } from './form/form.ts';
import { Gate } from './form/gate.ts';
import type { ProtocolContext } from './legacy/protocols.ts';
import { isLegacy, type ResolvedPushOptions, resolvePushOptions } from './options.ts';
import { type ItemPlan, type PlanContext, planItem } from './plan/plan.ts';
import { BlobMemory } from './presence/blob-memory.ts';
import type { Destination, Pusher, PusherOptions, PushFormat, PushResult } from './push.ts';
import { TotalsCounter } from './totals.ts';
import { UploadShapes } from './upload/upload-shapes.ts';

/** Makes a pusher of the parts it is given; it owns none of them. */
export function createPusher(options: PusherOptions): Pusher {
  const hostBackoff = options.retry?.hostBackoff ?? createHostBackoff({ clock: options.retry?.clock });
  const shapes = new Map<string, UploadShapes>();
  const shared: SharedOptions = {
    ...options,
    retry: { ...options.retry, hostBackoff, attempts: options.attempts },
    turns: new Turns(),
    gate: new Gate(availableParallelism() + 1),
    shapesOf(registry) {
      const known = shapes.get(registry) ?? new UploadShapes(registryProfile(registry), options.chunkSize);
      shapes.set(registry, known);
      return known;
    },
  };
  return {
    push: (item, destinations, pushOptions) => runPush(shared, item, destinations, resolvePushOptions(pushOptions)),
  };
}

/** What all pushes of a pusher share. */
interface SharedOptions extends PusherOptions {
  readonly retry: PushBlobsOptions['retry'];
  readonly turns: Turns;
  /** For compressions that come before their uploads. */
  readonly gate: Gate;
  /** What a registry has shown to take; kept from push to push. */
  shapesOf(registry: string): UploadShapes;
}

async function runPush(
  pusher: SharedOptions,
  item: SourceItem,
  destinations: readonly Destination[],
  options: ResolvedPushOptions,
): Promise<readonly PushResult[]> {
  options.signal?.throwIfAborted();
  assertTags(destinations);
  // Every blob under way listens, and each leaves when it is done: what looks like a leak to Node is not one.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);
  const ended = new AbortController(); // ends computations that outlive the destination that began them
  setMaxListeners(0, ended.signal);
  const transfers = lendTransfers(pusher.transfers);
  const forms = new Map<string, BlobForm>();
  const plan = planItem(item, planContext(pusher, options, forms, ended.signal));
  try {
    const groups = [...groupByRepository(destinations).values()];
    const results = await Promise.all(groups.map((group) => pushGroup({ ...pusher, transfers }, plan, group, options)));
    const byDestination = new Map(results.flat().map((result) => [result.destination, result.result]));
    return destinations.flatMap((destination) => byDestination.get(destination) ?? []);
  } finally {
    await transfers.settled(); // somebody else may wait for a transfer that reads what is this push's
    ended.abort(new Error('the push has ended'));
  }
}

function planContext(
  pusher: SharedOptions,
  { format, protocol, compression, platform, verify, onEvent }: ResolvedPushOptions,
  forms: Map<string, BlobForm>,
  signal: AbortSignal,
): PlanContext {
  const told = new Set<string>();
  const isOld = isLegacy({ format, protocol });
  return {
    format: isOld ? 'docker' : (format as PushFormat),
    compression: isOld ? 'gzip' : compression,
    platform,
    cache: pusher.layerCache,
    gate: pusher.gate,
    proofs: verify === 'diffid' ? storedProofs(pusher.metadataStore) : undefined,
    signal,
    compressor: (wanted) => compressorFor(pusher, wanted),
    form(name, make) {
      const form = forms.get(name) ?? make();
      forms.set(name, form);
      return form;
    },
    warn({ code, message }) {
      if (!told.has(message)) onEvent?.({ type: 'warning', destination: undefined, code, message });
      told.add(message);
    },
  };
}

function compressorFor({ gzip, zstd }: PusherOptions, wanted: Exclude<Compression, 'none'>): Compressor {
  if (wanted === 'gzip') return gzip;
  if (zstd !== undefined) return zstd;
  throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the push: zstd layers cannot be made here', {
    op: 'plan',
    origin: 'request',
    hint: 'use --compression gzip, or a Node that has zstd (22.15 and later)',
  });
}

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

async function pushGroup(
  pusher: SharedOptions,
  plan: ItemPlan,
  group: readonly Destination[],
  options: ResolvedPushOptions,
): Promise<readonly DestinationResult[]> {
  const [first] = group;
  if (first === undefined) return [];
  const name = canonicalName(first.reference);
  const destination = familiarName(first.reference);
  const totals = new TotalsCounter();
  const emit = (event: PushEvent): void => {
    totals.count(event);
    options.onEvent?.(event);
  };
  emit({ type: 'push:started', destination, repository: name });
  try {
    const tags = [...new Set(group.flatMap(({ reference }) => reference.tag ?? []))];
    const { trustKey, transfers, turns, retry } = pusher;
    const tagsOptions = { ...options, trustKey, tags, transfers, turns, retry };
    const push = await tagPusherOf(options);
    const viaV2 = (): Promise<readonly TagResult[]> =>
      overEndpoints(
        first.endpoints,
        destination,
        (repository, endpoint) =>
          push(
            plan,
            {
              repository: patientRepository(repository, pusher.retry),
              name,
              destination,
              hmacKey: first.hmacKey,
              hasAuthInfo: first.hasAuthInfo,
              allowNondistributable: endpoint.allowNondistributable ?? false,
              memory: new BlobMemory(pusher.metadataStore, name, first.hmacKey, onceWarned(emit, destination)),
              shapes: pusher.shapesOf(repository.registry),
              present: new Map(),
              learnt: new Map(),
              emit,
            },
            tagsOptions,
          ),
        options,
      );
    const results =
      options.protocol === 'v2'
        ? await viaV2()
        : await viaProtocols({ plan, first, destination, viaV2, emit, pusher, options, tags });
    const byTag = new Map(results.map((result) => [result.tag, result]));
    return group.flatMap((member) => {
      const result = byTag.get(member.reference.tag ?? '');
      return result === undefined
        ? []
        : { destination: member, result: finish(member, destination, result, totals.now(), emit) };
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    const failure = pushFailure(`to ${destination}`, { op: 'plan', origin: 'destination', cause: error });
    return group.map((member) => ({
      destination: member,
      result: finish(member, destination, { tag: member.reference.tag ?? '', error: failure }, totals.now(), emit),
    }));
  }
}

/** What pushes tags over the distribution protocol; that of old is loaded when it is asked for. */
async function tagPusherOf({ format }: ResolvedPushOptions): Promise<typeof pushTags> {
  if (format === 'schema1') return (await import('./legacy/push-schema1.ts')).pushSchema1Tags;
  if (format === 'schema1-2015') return (await import('./legacy/push-graph.ts')).pushGraphTags;
  return pushTags;
}

async function viaProtocols(context: ProtocolContext): Promise<readonly TagResult[]> {
  const { overProtocols } = await import('./legacy/protocols.ts');
  return await overProtocols(context);
}

function finish(
  { reference }: Destination,
  destination: string,
  result: TagResult,
  totals: PushTotals,
  emit: (event: PushEvent) => void,
): PushResult {
  const { tag } = reference;
  if ('error' in result) {
    emit({ type: 'push:failed', destination, tag, error: result.error });
    return { ok: false, reference, error: result.error, totals };
  }
  const { manifest, unchanged } = result;
  const { digest, mediaType, bytes } = manifest;
  emit({ type: 'push:finished', destination, tag, digest, totals });
  return { ok: true, reference, digest, mediaType, size: bytes.byteLength, unchanged, totals };
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
