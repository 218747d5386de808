import type { Digest } from '@slipway/digest';
import { canonicalName, familiarName, formatReference } from '@slipway/reference';
import type { Repository } from '@slipway/registry-client';
import { retrying, tellRetries } from '@slipway/transfer';
import { answered } from '../answered.ts';
import { failureTo, pushFailure } from '../errors.ts';
import type { PushEvent } from '../events.ts';
import { confirmsV2 } from '../legacy/confirms-v2.ts';
import { isLegacy, type ResolvedPushOptions } from '../options.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import { type ForeseeOptions, firstQuestion } from '../presence/foresee.ts';
import { BlobMemory } from '../presence/memory.ts';
import { Presence } from '../presence/presence.ts';
import type { Target } from '../presence/target.ts';
import type { ConnectOptions, Destination, DestinationIdentity, Endpoint, PushResult } from '../push.ts';
import { TotalsCounter } from '../totals.ts';
import { isBusy } from '../upload/retry-rules.ts';
import { answeringRepository } from './answering-repository.ts';
import { type EndpointOptions, overEndpoints } from './endpoints.ts';
import type { TagDelivery, TagResult, TagSigning } from './manifests/tag-delivery.ts';
import { pushTags } from './manifests/tags.ts';
import type { Push } from './push-parts.ts';
import { Scope } from './scope.ts';

/** One item and the tags that it gets in one repository. */
export interface RepositoryItem {
  readonly plan: ItemPlan;
  /** At least one, all in the same repository. */
  readonly destinations: readonly Destination[];
}

/** How one destination ended. */
export interface DestinationResult {
  readonly destination: Destination;
  readonly result: PushResult;
}

/**
 * The push of some items to one repository, one after the other. They share the connection, and what was found out
 * about the repository: a layer that one of them brought is not asked for again. Over v1 they are one push with one
 * list of images.
 */
export class RepositoryPush {
  readonly #push: Push;
  readonly #items: readonly RepositoryItem[];
  readonly #first: Destination;
  readonly #destination: string;
  readonly #totals: readonly TotalsCounter[];
  readonly #presences = new Map<Endpoint, Presence>();
  /** Those before the one that served an item are not tried again for the next. */
  #endpoints: readonly Endpoint[];
  /** Digests of what is in place, by the tag or digest that names it, for each item. */
  readonly #placed: readonly Map<string, Digest>[];
  #identified: Identified | undefined;
  #isStarted = false;
  #hasConfirmedV2 = false;
  /** Sends an item over the protocol that the registry speaks. */
  #overProtocols: ((at: number, signal: AbortSignal) => Promise<readonly TagResult[]>) | undefined;

  constructor(push: Push, items: readonly RepositoryItem[]) {
    const [first] = items.flatMap(({ destinations }) => destinations);
    if (first === undefined) throw new Error('unreachable: a repository is known by its destinations');
    this.#push = push;
    this.#items = items;
    this.#first = first;
    this.#destination = familiarName(first.reference);
    this.#totals = items.map(() => new TotalsCounter());
    this.#placed = items.map(() => new Map());
    this.#endpoints = first.endpoints.map(connectedOnce);
  }

  /**
   * Pushes one item under all its tags. Rejects on abort only, after it has told which tags are in place all the same;
   * when it settles, nothing of it runs any more.
   */
  async deliver(at: number, parent: AbortSignal): Promise<readonly DestinationResult[]> {
    const { destinations } = this.#itemAt(at);
    if (!this.#isStarted) {
      this.#isStarted = true;
      const repository = canonicalName(this.#first.reference);
      this.#emit({ type: 'push:started', destination: this.#destination, repository }, at);
    }
    const settled = await this.#tagResults(at, parent).catch((cause: unknown) => {
      if (parent.aborted) this.#tellPlaced(at);
      parent.throwIfAborted();
      const failure = pushFailure(`to ${this.#destination}`, { op: 'plan', origin: 'destination', cause });
      return destinations.map(({ reference }): TagResult => ({ tag: nameIn(reference), error: failure }));
    });
    const byTag = new Map(settled.map((result) => [result.tag, result]));
    return destinations.flatMap((destination) => {
      const result = byTag.get(nameIn(destination.reference));
      return result === undefined ? [] : [{ destination, result: this.#finish(destination, result, at) }];
    });
  }

  async #tagResults(at: number, signal: AbortSignal): Promise<readonly TagResult[]> {
    if (this.#push.options.protocol === 'v2') return await this.#viaV2(at, signal);
    this.#overProtocols ??= await this.#openProtocols();
    return await this.#overProtocols(at, signal);
  }

  async #openProtocols(): Promise<(at: number, signal: AbortSignal) => Promise<readonly TagResult[]>> {
    const { protocolsOf } = await import('../legacy/protocols.ts');
    return protocolsOf({
      images: this.#items.map(({ plan, destinations }) => ({ plan, tags: tagsOf(destinations) })),
      first: this.#first,
      destination: this.#destination,
      pusher: this.#push,
      options: this.#push.options,
      emit: (event, at) => this.#emit(event, at),
      viaV2: (at, signal) => this.#viaV2(at, signal),
      hasConfirmedV2: () => this.#hasConfirmedV2,
    });
  }

  /** Finds an endpoint that serves, and pushes all tags in a scope of their own. */
  async #viaV2(at: number, signal: AbortSignal): Promise<readonly TagResult[]> {
    const { options, retry, transfers, turns, sharedTurns, trustKey } = this.#push;
    const { learn, learnFrom, dryRun, requireSchema2, requireSubject } = options;
    const { plan, destinations } = this.#itemAt(at);
    const pushAll = await tagPusherOf(options);
    const identified = await this.#identify(signal);
    let served: Endpoint | undefined;
    const ahead = this.#push.ahead?.begin(plan, identified.memory);
    const results = await overEndpoints(
      this.#endpoints,
      this.#first.reference,
      async (repository, endpoint) => {
        await using scope = new Scope(signal);
        const uploader = this.#push.uploaderFor(repository.registry);
        const delivery: TagDelivery = {
          ...{ scope, transfers, uploader, turns, sharedTurns, retry },
          ...{ tags: tagsOf(destinations), learn, learnFrom, dryRun, requireSubject, trustKey },
          records: ahead?.records,
          // What takes its place when it is refused cannot be signed.
          requireSchema2: requireSchema2 || options.signing !== undefined,
          signing: signingOf(destinations, options),
        };
        const pushed = await pushAll(plan, this.#targetOf(identified, repository, endpoint, at), delivery);
        served = endpoint;
        return pushed;
      },
      {
        retry,
        signal,
        first: this.#firstQuestionOf(at, identified, { records: ahead?.records, signal }),
        onRetry: (message) => this.#warn('connect-retry', `${this.#destination}: ${message}`, at),
      },
    ).finally(() => ahead?.stop());
    if (served !== undefined) this.#endpoints = this.#endpoints.slice(this.#endpoints.indexOf(served));
    return results;
  }

  /** Undefined where whatever the answer is, everything is looked at. */
  #firstQuestionOf(
    at: number,
    { memory, hmacKey }: Identified,
    options: Pick<ForeseeOptions, 'records' | 'signal'>,
  ): EndpointOptions['first'] {
    const { learn, learnFrom, force } = this.#push.options;
    if (force || isLegacy(this.#push.options)) return undefined;
    const { plan, destinations } = this.#itemAt(at);
    const name = canonicalName(this.#first.reference);
    return async ({ allowNondistributable = false }) =>
      await firstQuestion(
        plan,
        { memory, name, hmacKey, allowNondistributable },
        { tags: tagsOf(destinations), learn, learnFrom, ...options },
      );
  }

  #targetOf(
    { memory, hmacKey, hasAuthInfo = false }: Identified,
    repository: Repository,
    endpoint: Endpoint,
    at: number,
  ): Target {
    const { retry, options } = this.#push;
    const { reference } = this.#first;
    const presence = this.#presences.get(endpoint) ?? new Presence(options.force);
    this.#presences.set(endpoint, presence);
    return {
      ...{ repository, hmacKey, hasAuthInfo, presence },
      name: canonicalName(reference),
      destination: this.#destination,
      allowNondistributable: endpoint.allowNondistributable ?? false,
      memory,
      emit: (event) => {
        this.#hasConfirmedV2 ||= confirmsV2(event);
        this.#emit(event, at);
      },
      ask: (question, { signal }) =>
        retrying(() => question(repository), {
          ...retry,
          signal,
          host: repository.registry,
          isTransient: isBusy,
          onRetry: tellRetries(this.#destination, (message) => this.#warn('registry-busy', message, at)),
        }),
    };
  }

  /** Asks in whose name the push goes: once for all items, unless that fails. */
  async #identify(signal: AbortSignal): Promise<Identified> {
    if (this.#identified !== undefined) return this.#identified;
    const identity = await this.#askIdentity(signal).catch((cause: unknown) => {
      signal.throwIfAborted();
      const what = `look up the credentials of ${this.#first.reference.registry}`;
      throw failureTo(what, { op: 'connect', origin: 'destination', cause });
    });
    this.#identified = { ...identity, memory: this.#openMemory(identity?.hmacKey) };
    return this.#identified;
  }

  async #askIdentity(signal: AbortSignal): Promise<DestinationIdentity | undefined> {
    const asked = this.#first.identify?.({ signal });
    return await answered(asked, signal);
  }

  /** A metadata store that fails is reported once a repository, whatever the number of layers. */
  #openMemory(hmacKey: Uint8Array | undefined): BlobMemory {
    const { notes, delivered, sharedTurns, tell } = this.#push;
    const { reference } = this.#first;
    let isWarned = false;
    return new BlobMemory({
      ...{ notes, repository: canonicalName(reference), hmacKey, delivered },
      hasTurns: sharedTurns !== undefined,
      onFailure: (error) => {
        if (isWarned) return;
        isWarned = true;
        const why = error instanceof Error ? error.message : String(error);
        const message = `what was pushed is not remembered: ${why}`;
        tell({ type: 'warning', destination: this.#destination, code: 'metadata-store', message });
      },
    });
  }

  #finish({ reference }: Destination, result: TagResult, at: number): PushResult {
    const { tag } = reference;
    const destination = this.#destination;
    const counter = this.#totalsAt(at);
    const totals = counter.now();
    if ('error' in result) {
      this.#emit({ type: 'push:failed', destination, tag, error: result.error }, at);
      return { ok: false, reference, error: result.error, totals };
    }
    const { manifest, unchanged, signatures } = result;
    const { digest, mediaType, bytes } = manifest;
    this.#emit({ type: 'push:finished', destination, tag, digest, totals }, at);
    const plan = this.#push.options.dryRun ? { plan: counter.planned() } : {};
    const size = bytes.byteLength;
    const signed = signatures === undefined ? {} : { signatures };
    return { ok: true, reference, digest, mediaType, size, unchanged, totals, ...signed, ...plan };
  }

  #tellPlaced(at: number): void {
    const totals = this.#totalsAt(at).now();
    for (const { reference } of this.#itemAt(at).destinations) {
      const digest = this.#placed[at]?.get(nameIn(reference));
      if (digest === undefined) continue;
      this.#emit({ type: 'push:finished', destination: this.#destination, tag: reference.tag, digest, totals }, at);
    }
  }

  #warn(code: string, message: string, at: number): void {
    this.#emit({ type: 'warning', destination: this.#destination, code, message }, at);
  }

  #emit(event: PushEvent, at: number): void {
    this.#totalsAt(at).count(event);
    if (event.type === 'manifest:pushed') this.#placed[at]?.set(event.tag ?? event.digest, event.digest);
    this.#push.tell(event);
  }

  #itemAt(at: number): RepositoryItem {
    const item = this.#items[at];
    if (item === undefined) throw new Error('unreachable: only items of the repository are delivered');
    return item;
  }

  #totalsAt(at: number): TotalsCounter {
    const totals = this.#totals[at];
    if (totals === undefined) throw new Error('unreachable: only items of the repository are counted');
    return totals;
  }
}

/** Whose name a push goes in, and what is remembered of it. */
interface Identified extends DestinationIdentity {
  readonly memory: BlobMemory;
}

function tagsOf(destinations: readonly Destination[]): readonly string[] {
  return [...new Set(destinations.map(({ reference }) => nameIn(reference)))];
}

function nameIn({ tag, digest }: Destination['reference']): string {
  return digest ?? tag ?? '';
}

function signingOf(
  destinations: readonly Destination[],
  { signing }: Pick<ResolvedPushOptions, 'signing'>,
): TagSigning | undefined {
  if (signing === undefined) return undefined;
  const { signer, identity } = signing;
  const identities = destinations.map(
    ({ reference }) => [nameIn(reference), identity ?? formatReference(reference)] as const,
  );
  return { signer, identities: new Map(identities) };
}

/** One client for all items. What fails to connect is tried again by whoever asks next. */
function connectedOnce(endpoint: Endpoint): Endpoint {
  let connected: Repository | undefined;
  const { url, allowNondistributable, ping } = endpoint;
  return {
    url,
    allowNondistributable,
    ...(ping === undefined ? {} : { ping: ping.bind(endpoint) }),
    async connect(options?: ConnectOptions) {
      connected ??= answeringRepository(await answered(endpoint.connect(options), options?.signal));
      return connected;
    },
  };
}

/** What pushes tags over the distribution protocol; that of old is loaded when it is asked for. */
async function tagPusherOf({ format }: Pick<ResolvedPushOptions, 'format'>): Promise<typeof pushTags> {
  if (format === 'schema1') return (await import('../legacy/push-schema1.ts')).pushSchema1Tags;
  if (format === 'schema1-2015') return (await import('../legacy/push-graph.ts')).pushGraphTags;
  return pushTags;
}
