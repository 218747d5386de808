import { type Digest, shortDigest } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import { ImageStoreError, type TagOfImage } from '@slipway/image-store';
import { mediaTypes, type Platform } from '@slipway/manifest';
import type { PushResult } from '@slipway/push';
import {
  canonicalName,
  familiarName,
  familiarString,
  nameOnly,
  parseReference,
  type Reference,
  withDigest,
  withTag,
} from '@slipway/reference';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createDisposables } from '../../engine/disposables.ts';
import type { EngineContext } from '../../engine/engine-context.ts';
import { FolderHangs } from '../../engine/folder/folder-health.ts';
import { metaHeadersOf } from '../../engine/meta-headers.ts';
import type { PushSettings } from '../../engine/push-settings.ts';
import { parseRegistryAuth } from '../../engine/registry-auth.ts';
import type { Identity } from '../../engine/registry-clients.ts';
import { upstreamClientOf } from '../../engine/upstream-client.ts';
import { RequestError } from '../../errors.ts';
import { type AuditDetails, audited } from '../../http/audited.ts';
import { watchClient } from '../../http/client-signal.ts';
import { errorText } from '../../http/error-text.ts';
import { queryText } from '../../http/query.ts';
import { seenEvent } from '../../jobs/routes/jobs/seen-names.ts';
import { assertAllowed, type Principal } from '../../security/principal.ts';
import { sightOf } from '../../security/sight.ts';
import { assertFits, imagesOf } from '../images/inspect-platform.ts';
import { platformQuery } from '../images/platform-query.ts';
import { DockerStream } from '../stream/docker-stream.ts';
import { createPushRecords } from '../stream/push-records.ts';
import { pushSettingsOf } from './push-settings-of.ts';

/** What pushes of the Engine API work with. */
export type PushNeeds = Pick<EngineContext, 'store' | 'folder' | 'pushes' | 'events' | 'activity' | 'audit' | 'log'>;

/** What one push of the Engine API works with. */
interface EnginePush {
  readonly context: PushNeeds;
  readonly reference: Reference;
  readonly platform: Platform | undefined;
  readonly settings: PushSettings;
  readonly identity: Identity;
  readonly stream: DockerStream;
  readonly signal: AbortSignal;
  readonly details: AuditDetails;
  readonly principal: Principal;
}

/**
 * `POST /images/{name}/push`: one tag, or all of a repository. From its first message on, what goes wrong is told in
 * the stream.
 *
 * @see https://github.com/moby/moby/blob/v25.0.0/distribution/push.go#L66-L120
 */
export async function pushImages(
  context: PushNeeds,
  name: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const reference = pushReference(name, queryText(request, 'tag'));
  assertAllowed(request.principal, { kind: 'push', repository: canonicalName(reference) });
  const platform = platformQuery(request, '1.46');
  if (platform !== undefined) await assertPlatform(context, reference, platform);
  const settings = pushSettingsOf(request);
  context.pushes.choices('docker', settings); // 400 now, before the stream has begun
  const auth = parseRegistryAuth(request.headers['x-registry-auth']);
  using work = context.activity.begin('push', request.principal.name);
  using client = watchClient(reply.raw, work.signal);
  reply.hijack();
  const stream = new DockerStream(reply.raw);
  const identity: Identity = {
    auths: new Map([[reference.registry, auth]]),
    metaHeaders: metaHeadersOf(request.headers),
    upstreamClient: upstreamClientOf(request.headers),
  };
  try {
    await audited(context, request, { action: 'push', subject: familiarString(reference) }, (details) =>
      pushReferences({
        context,
        reference,
        platform,
        settings,
        identity,
        stream,
        signal: client.signal,
        details,
        principal: request.principal,
      }),
    );
  } catch (error) {
    stream.write({ kind: 'error', message: errorText(error) });
  }
  await stream.end();
}

/** @throws {RequestError | InvalidReferenceError} 400 */
function pushReference(name: string, tag: string | undefined): Reference {
  const reference = parseReference(name);
  if (tag === undefined) return reference;
  if (reference.digest !== undefined) throw new RequestError(400, 'cannot import digest reference');
  return withTag(reference, tag);
}

async function pushReferences(push: EnginePush): Promise<void> {
  const { context, reference, stream } = push;
  stream.write({ kind: 'message', status: `The push refers to repository [${canonicalName(reference)}]` });
  await pushTags(push, await tagsToPush(context, reference));
  // An event's name is the repository; who it is about is what was asked for.
  const attributes = { name: familiarName(reference) };
  const repositories = [canonicalName(reference)];
  context.events.publish({ action: 'push', actor: familiarString(reference), attributes, repositories });
}

/**
 * The tags that a reference means, in the order docker pushes them.
 *
 * @throws {RequestError} in docker's words when there are none
 */
async function tagsToPush({ store }: PushNeeds, reference: Reference): Promise<readonly TagOfImage[]> {
  const tags = await store.tagsOf(nameOnly(reference));
  if (tags.length === 0 && !(await hasDigest(reference))) {
    throw new RequestError(404, `An image does not exist locally with the tag: ${familiarName(reference)}`);
  }
  if (reference.digest !== undefined) throw new RequestError(400, 'cannot push a digest reference');
  if (reference.tag !== undefined) {
    const found = tags.filter((entry) => entry.reference.tag === reference.tag);
    if (found.length === 0) throw new RequestError(404, `tag does not exist: ${familiarString(reference)}`);
    return found;
  }
  if (tags.length === 0) throw new RequestError(404, `no tags to push for ${familiarName(reference)}`);
  return tags;

  async function hasDigest(repository: Reference): Promise<boolean> {
    const start = `${familiarName(repository)}@`;
    return (await store.list()).some(({ digests }) => digests.some((digest) => digest.startsWith(start)));
  }
}

/** One push of all tags, in their order; the first failure ends it. */
async function pushTags(push: EnginePush, tags: readonly TagOfImage[]): Promise<void> {
  const { context, reference, platform, settings, identity, stream, signal, details, principal } = push;
  await using opened = createDisposables();
  const items: SourceItem[] = [];
  for (const tagged of tags) {
    // By its tag: an image may have several forms, and each tag keeps its own.
    const source = await context.store.open(familiarString(tagged.reference), { signal });
    opened.use(context.folder.closing(source));
    const [item] = source.items;
    if (item === undefined) throw new Error('unreachable: an image of the store is one item');
    items.push(item);
  }
  const sight = sightOf(principal);
  const records = createPushRecords(
    (record) => stream.write(record),
    (tag) => layersOf(items[tags.findIndex(({ reference }) => reference.tag === tag)], platform),
  );
  const deliveries = items.map((item, at) => ({
    item,
    platform: item.kind === 'index' ? platform : undefined,
    to: tags.slice(at, at + 1).map((tag) => tag.reference),
  }));
  const results = await context.pushes.push(deliveries, {
    identity,
    settings: { face: 'docker', chosen: settings },
    subject: { kind: 'docker', image: familiarString(reference), principal: principal.name },
    stopAtFailure: true,
    signal,
    onEvent: (event) => records(seenEvent(event, sight)),
    async onDelivered([result], index) {
      const tagged = tags[index];
      if (result === undefined || tagged === undefined)
        throw new Error('unreachable: one destination gives one result');
      noteTotals(details, result);
      if (!result.ok) return;
      const { digest, size } = result;
      // over v1 there is no manifest, and docker tells of none
      if (result.mediaType === mediaTypes.dockerConfig) return;
      details['digest'] = digest;
      await rememberDigest(context, tagged.reference, digest, tagged.id);
      stream.write({ kind: 'aux', aux: { Tag: tagged.reference.tag, Digest: digest, Size: size } });
    },
  });
  for (const result of results.flat()) if (!result.ok) throw result.error;
}

/** What docker calls the layers of an image, in the order in which it speaks of them: the base last. */
function layersOf(item: SourceItem | undefined, platform: Platform | undefined): readonly string[] {
  if (item?.kind === 'index') return imagesOf(item, platform).flatMap((image) => layersOf(image, undefined));
  return item?.kind === 'image' ? item.layers.map(({ diffID }) => shortDigest(diffID)).reverse() : [];
}

/** The image now also goes by what the registry calls it. That another image has the digest stops nothing. */
async function rememberDigest(
  { store, folder, log }: PushNeeds,
  tagged: Reference,
  digest: Digest,
  id: Digest,
): Promise<void> {
  try {
    await folder.inTime(store.addDigest(withDigest(nameOnly(tagged), digest), id));
  } catch (error) {
    // Deleted while it was pushed, or noted for another image: the push itself is done. So it is where the disk hangs.
    const codes = ['ERR_IMAGE_STORE_CONFLICT', 'ERR_IMAGE_STORE_NOT_FOUND'];
    const isKnown = error instanceof ImageStoreError && codes.includes(error.code);
    if (!isKnown && !(error instanceof FolderHangs)) throw error;
    log.warn({ err: error, reference: familiarString(tagged) }, 'the digest of a push could not be noted');
  }
}

function noteTotals(details: AuditDetails, { totals }: PushResult): void {
  for (const [name, count] of Object.entries(totals)) {
    const before = details[name];
    details[name] = (typeof before === 'number' ? before : 0) + count;
  }
}

/** @throws {RequestError} 404 in docker's words; the store's own 404 when there is no such image */
async function assertPlatform({ store }: PushNeeds, reference: Reference, wanted: Platform): Promise<void> {
  const text = familiarString(reference);
  const image = await store.inspect(text);
  if (image.kind !== 'index' && image.platform !== undefined) assertFits(text, image.platform, wanted);
}
