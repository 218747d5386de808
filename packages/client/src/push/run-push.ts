import { surviving, unexpected, withMethods } from '@slipway/arguments';
import {
  type ArtifactRecipe,
  type ImageRecipe,
  type ImageSource,
  parseSourceText,
  type SourceItem,
} from '@slipway/image-source';
import { assertItem, type PushAllOptions, type PushDelivery, type PushResult, type PushSigning } from '@slipway/push';
import { familiarName, type Reference } from '@slipway/reference';
import type { PushReport } from '../client.ts';
import { noteRegistryFacts } from '../credentials/registry-facts.ts';
import { type ClientError, optionError } from '../errors.ts';
import { isOlder } from '../selection/is-older.ts';
import { type Selection, selectAllTags, selectOne } from '../selection/select-items.ts';
import { openSigning } from '../signing/open-signer.ts';
import { assertTakesAllTags } from '../sources/assert-all-tags.ts';
import { type OpenOptions, openSourceText } from '../sources/open-source.ts';
import { assertPushSettings } from './assert-push-settings.ts';
import { parseDestinations } from './destinations.ts';
import { noteDigests } from './note-digests.ts';
import { openRecipe } from './open-recipe.ts';
import { type DeliveryOptions, destinationOf, pushReady } from './push-all.ts';
import type { PushParts } from './push-parts.ts';
import { pushRepository } from './push-repository.ts';
import type { ReadPushRequest, SourceInput } from './push-request.ts';

/** A request that aborts with its client. */
type RunningRequest = ReadPushRequest & { readonly signal: AbortSignal; readonly signing?: PushSigning | undefined };

/**
 * Pushes one source to its destinations. Rejects for what concerns all of them; a destination that fails is a result.
 */
export async function runPush(
  given: ReadPushRequest & { readonly signal: AbortSignal },
  parts: PushParts,
): Promise<PushReport> {
  assertPushSettings(given);
  const references = parseDestinations(given.to, { allTags: given.allTags, digests: true });
  if (references.length === 0) throw optionError('Expected `to` to name at least one destination');
  parts.credentials.assertFor(references.map(({ registry }) => registry));
  const { variables } = parts.environment;
  const { signKeyPassword } = parts;
  const signing = await openSigning(given, { variables, signKeyPassword, signal: given.signal });
  const request: RunningRequest = { ...given, signing };
  if (request.allTags === true && typeof request.source === 'string') await assertTakesAllTags(request.source);
  const repository = repositoryIn(request.source, request.allTags === true);
  if (repository !== undefined) return await pushAllTags(repository, references, request, parts);
  await using source = await openInput(request.source, request, parts);
  const { selections, refusedTags } = choose(source, references, request);
  const isNothingNewer = selections.length === 0 && refusedTags.length === 0;
  if (isNothingNewer && request.newerThan !== undefined) parts.warn(nothingNewer(source.name));
  for (const tag of refusedTags) {
    parts.warn(`no registry takes the tag ${JSON.stringify(tag)}: it is left out, and the push will count as failed`);
  }
  const deliveries = await Promise.all(
    selections.map(async ({ item, references: wanted }) => ({
      item,
      destinations: await Promise.all(wanted.map((reference) => destinationOf(reference, request, parts))),
    })),
  );
  const requireSubject = isOfFiles(source);
  const results = await pushItems(deliveries, request, parts, { requireSubject }, async (pushed, index) => {
    const { item } = deliveries[index]!;
    if (source.isFromStore && request.dryRun !== true) {
      await noteDigests(await parts.openImages(), item, pushed, parts.warn);
    }
    for (const result of pushed) {
      if (!result.ok && !isOfSource(result.error)) {
        noteRegistryFacts(
          result.error,
          await parts.credentials.forDestinations.factsOf(result.reference, { signal: request.signal }),
        );
      }
    }
  });
  return { results, refusedTags };
}

/** The repository of a `docker://` source of which every tag is pushed: it is looked at tag by tag. */
function repositoryIn(source: SourceInput, isAllTags: boolean): string | undefined {
  if (!isAllTags || typeof source !== 'string') return undefined;
  const parsed = parseSourceText(source);
  return parsed.transport === 'docker' ? parsed.reference : undefined;
}

async function pushAllTags(
  repository: string,
  references: readonly Reference[],
  request: RunningRequest,
  parts: PushParts,
): Promise<PushReport> {
  const {
    signal,
    tags: pattern,
    newerThan,
    leaveOut,
    format = 'keep',
    compression = 'keep',
    platform,
    referrers,
  } = request;
  const isKept = format === 'keep' && compression === 'keep' && platform === undefined;
  const mayMatch = isKept && referrers !== true && request.signing === undefined;
  const onNotice = ({ message }: { readonly message: string }): void => parts.warn(message);
  const { allTags: _each, ...reading } = openOptionsOf(request);
  const opening = { ...reading, onNotice };
  const isTogether = format === 'v1' || (request.protocol ?? 'v2') !== 'v2';
  const options = { signal, pattern, newerThan, leaveOut, mayMatch, isTogether, opening };
  const tell = surviving('onEvent', request.onEvent);
  const results = await pushRepository(repository, references, options, {
    sources: parts.sources.registries,
    destinationOf: (reference) => destinationOf(reference, request, parts),
    push: (deliveries) => pushItems(deliveries, request, parts, {}),
    onUnchanged: ({ reference: { tag, ...reference }, totals, ok: _ok, ...manifest }) => {
      const destination = familiarName(reference);
      tell?.({ type: 'manifest:pushed', destination, tag, ...manifest });
      tell?.({ type: 'push:finished', destination, tag, digest: manifest.digest, totals });
    },
  });
  if (results.length === 0 && newerThan !== undefined) parts.warn(nothingNewer(`docker://${repository}`));
  return { results, refusedTags: [] };
}

/** That nothing is new is no failure: pushes of each night end so. That nothing was sent is told all the same. */
function nothingNewer(source: string): string {
  return `no image of ${source} is new enough: nothing is pushed`;
}

/**
 * How a push reads its source: a conversion looks at the bytes of layers and not at their labels, and a push that
 * compares nothing with diffIDs carries what cannot be compared.
 */
function openOptionsOf(request: ReadPushRequest): OpenOptions {
  const { format = 'keep', compression = 'keep', verify = 'digest', platform, referrers, allTags } = request;
  return {
    platform,
    referrers,
    allTags,
    recognise: format !== 'keep' || compression !== 'keep',
    unpaired: verify === 'digest' ? 'carry' : 'refuse',
  };
}

interface OpenedInput extends Omit<ImageSource, 'kind'> {
  readonly kind: ImageSource['kind'];
  /** It is an image of this machine's store. */
  readonly isFromStore: boolean;
}

async function openInput(input: SourceInput, request: RunningRequest, parts: PushParts): Promise<OpenedInput> {
  const { sources } = parts;
  if (typeof input === 'string') {
    const source = await openSourceText(input, { ...openOptionsOf(request), signal: request.signal }, sources);
    return { ...source, isFromStore: source.kind === 'store' };
  }
  if (isStream(input)) throw noSource(input, streamHint);
  if (isRecipe(input)) return { ...(await openRecipe(input, request.signal, parts)), isFromStore: false };
  const isOthers = { isFromStore: false, async [Symbol.asyncDispose]() {} };
  if (isSource(input)) {
    for (const [at, item] of input.items.entries()) assertItem(item, `source.items[${at}]`);
    return { ...input, ...isOthers };
  }
  if (!isItem(input)) throw noSource(input);
  assertItem(input, 'source');
  return { kind: 'oci-layout', name: 'the image', items: [input], ...isOthers };
}

const streamHint =
  'give a stream to `createClient({ stdin })` and push `-`; one with the tar of a layer goes into ' +
  '`imageFrom({ layers: [layerFrom(stream)] })`';

function noSource(input: unknown, hint?: string): ClientError {
  const expected =
    'a text such as app.tar or docker://ghcr.io/me/app:1, an opened source, an image, an image from parts, or an ' +
    'artifact of files';
  return optionError(unexpected('source', expected, input).message, hint);
}

/** Who makes an artifact about something wants it to be found there. */
function isOfFiles({ kind, items: [item] }: Pick<ImageSource, 'kind' | 'items'>): boolean {
  return kind === 'parts' && item?.kind === 'artifact';
}

function isRecipe(input: unknown): input is ImageRecipe | ArtifactRecipe {
  return typeof (input as { readonly open?: unknown } | undefined)?.open === 'function' && !isSource(input);
}

/** Streams of Node have an `open` of their own, which opens no image. */
function isStream(input: unknown): boolean {
  return withMethods('a stream', Symbol.asyncIterator).is(input);
}

function isSource(input: unknown): input is ImageSource {
  return Array.isArray((input as { readonly items?: unknown } | undefined)?.items);
}

function isItem(input: unknown): input is SourceItem {
  const { kind } = (input ?? {}) as { readonly kind?: unknown };
  return kind === 'image' || kind === 'artifact' || kind === 'index';
}

/** What goes where. */
function choose(
  source: ImageSource,
  references: readonly Reference[],
  { allTags, into, tags: pattern, newerThan, leaveOut, platform }: ReadPushRequest,
): { readonly selections: readonly Selection[]; readonly refusedTags: readonly string[] } {
  if (allTags !== true) return { selections: selectOne(source, references, { platform }), refusedTags: [] };
  const { selections, refused } = selectAllTags(source, references, { into, pattern, leaveOut });
  const wanted = newerThan === undefined ? selections : selections.filter(({ item }) => !isOlder([item], newerThan));
  return { selections: wanted, refusedTags: refused.map(({ tag }) => tag) };
}

async function pushItems(
  deliveries: readonly PushDelivery[],
  request: RunningRequest,
  parts: PushParts,
  { requireSubject }: Pick<PushAllOptions, 'requireSubject'>,
  onDelivered?: PushAllOptions['onDelivered'],
): Promise<readonly PushResult[]> {
  return (await pushReady(deliveries, { ...deliveryOptionsOf(request), requireSubject, onDelivered }, parts)).flat();
}

/** A request without what has been seen to: what is pushed where, which tags of it, and who signs. */
function deliveryOptionsOf(request: RunningRequest): DeliveryOptions {
  const { source: _source, to: _to, allTags: _all, into: _into, tags: _tags, newerThan: _newer, ...pushed } = request;
  const {
    leaveOut: _reached,
    referrers: _referrers,
    signKey: _key,
    signer: _signer,
    signIdentity: _identity,
    ...options
  } = pushed;
  return options;
}

function isOfSource(error: unknown): boolean {
  return (error as { readonly origin?: unknown }).origin === 'source';
}
