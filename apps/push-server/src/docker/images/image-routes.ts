import { Readable } from 'node:stream';
import { type DeleteRecord, ImageStoreError } from '@slipway/image-store';
import {
  canonicalName,
  isNameOnly,
  nameOnly,
  parseReference,
  type Reference,
  withDefaultTag,
  withTag,
} from '@slipway/reference';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EngineContext } from '../../engine/engine-context.ts';
import { RequestError } from '../../errors.ts';
import { audited } from '../../http/audited.ts';
import { watchClient } from '../../http/client-signal.ts';
import { queryFlag, queryText, queryTexts } from '../../http/query.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { assertAllowed, type Principal } from '../../security/principal.ts';
import { seenImages } from '../../security/seen-images.ts';
import { repositoryOf, sightOf } from '../../security/sight.ts';
import { type PushNeeds, pushImages } from '../push/push-images.ts';
import { sendJSON } from '../stream/send-json.ts';
import { parseFilters } from './filters.ts';
import { imageHistory } from './image-history.ts';
import { imageInspection } from './image-inspection.ts';
import { imageSummary } from './image-summary.ts';
import { inspectPlatform } from './inspect-platform.ts';
import { imageFilterNames, listImages, sharedSizes } from './list-images.ts';
import { type LoadNeeds, loadImages } from './load-images.ts';
import { platformQuery } from './platform-query.ts';
import { pruneFilterNames, pruneImages } from './prune-images.ts';

type ImageNeeds = LoadNeeds & PushNeeds & Pick<EngineContext, 'store' | 'audit' | 'activity'>;

/** Everything under `/images/`. Names have slashes, so the verb is found at the end of the path. */
export const registerImageRoutes: RegisterRoutes<ImageNeeds> = (app, context) => {
  const { store } = context;

  app.get('/images/json', { config: { access: 'read', needsFolder: true } }, async (request, reply) => {
    const seen = seenImages(store, request.principal);
    const images = await listImages(seen, parseFilters(request, imageFilterNames));
    const shared = queryFlag(request, 'shared-size') ? await sharedSizes(seen, await seen.list()) : undefined;
    return sendJSON(
      reply,
      images.map((image) => imageSummary(image, request.apiVersion, shared?.get(image.id) ?? -1)),
    );
  });

  app.post('/images/prune', { config: { access: 'admin', needsFolder: true } }, async (request, reply) => {
    const filters = parseFilters(request, pruneFilterNames);
    const { records, freedBytes } = await audited(context, request, { action: 'delete', subject: 'prune' }, () =>
      pruneImages(store, filters),
    );
    const attributes = { reclaimed: String(freedBytes) };
    context.events.publish({ action: 'prune', actor: '', attributes, repositories: [] });
    return sendJSON(reply, {
      ImagesDeleted: records.length === 0 ? null : records.map(deletionOf),
      SpaceReclaimed: freedBytes,
    });
  });

  app.post('/images/load', { config: { access: 'load', needsFolder: true } }, (request, reply) =>
    loadImages(context, request, reply),
  );
  app.get('/images/get', { config: { access: 'save', needsFolder: true } }, (request, reply) =>
    saveImages(
      context,
      queryTexts(request, 'names').flatMap((names) => names.split(',')),
      request,
      reply,
    ),
  );

  app.get('/images/*', { config: { access: 'handler', needsFolder: true } }, async (request, reply) => {
    const { name, verb } = nameAndVerb(request);
    if (verb === 'get') return await saveImages(context, [name], request, reply);
    if (verb !== 'json' && verb !== 'history') return reply.callNotFound();
    const { inspect } = seenImages(store, request.principal);
    const platform = platformQuery(request, verb === 'json' ? '1.49' : '1.48');
    const image = await inspectPlatform({ inspect, open: store.open.bind(store) }, name, platform);
    return sendJSON(reply, verb === 'history' ? imageHistory(image) : imageInspection(image, request.apiVersion));
  });

  app.post('/images/*', { config: { access: 'handler', needsFolder: true } }, async (request, reply) => {
    const { name, verb } = nameAndVerb(request);
    if (verb === 'push') return await pushImages(context, name, request, reply);
    if (verb !== 'tag') return reply.callNotFound();
    const target = tagTarget(request);
    assertAllowed(request.principal, { kind: 'tag', repository: canonicalName(target) });
    await seenImages(store, request.principal).use(name);
    const subject = `${name} as ${canonicalName(target)}:${target.tag}`;
    await audited(context, request, { action: 'tag', subject }, () => store.tag(name, target));
    return await reply.code(201).send();
  });

  app.delete('/images/*', { config: { access: 'admin', needsFolder: true } }, async (request, reply) => {
    const name = wildcard(request);
    const force = queryFlag(request, 'force');
    const records = await audited(context, request, { action: 'delete', subject: name }, () =>
      store.delete(name, { force }),
    );
    return sendJSON(reply, records.map(deletionOf));
  });
};

function deletionOf(record: DeleteRecord): object {
  return 'untagged' in record ? { Untagged: record.untagged } : { Deleted: record.deleted };
}

function wildcard({ params }: FastifyRequest): string {
  return (params as { readonly '*': string })['*'];
}

function nameAndVerb(request: FastifyRequest): { readonly name: string; readonly verb: string } {
  const path = wildcard(request);
  const at = path.lastIndexOf('/');
  return { name: path.slice(0, Math.max(0, at)), verb: path.slice(at + 1) };
}

/** `repo` and `tag`, `latest` by default. */
function tagTarget(request: FastifyRequest): Reference {
  const name = parseReference(queryText(request, 'repo') ?? '');
  if (name.digest !== undefined) throw new RequestError(400, 'refusing to create a tag with a digest reference');
  const tag = queryText(request, 'tag');
  return tag === undefined ? withDefaultTag(name) : withTag(name, tag);
}

interface SavedImage {
  readonly id: string;
  readonly repositories: readonly string[];
}

/**
 * The images that a name means for `docker save`: one, or those of all tags of a repository.
 *
 * @throws {RequestError} 404 in docker's words, also for what the principal does not see; 403
 */
async function savedImages(
  store: EngineContext['store'],
  name: string,
  principal: Principal,
): Promise<readonly SavedImage[]> {
  assertAllowed(principal, { kind: 'save' });
  const found = await seenImages(store, principal)
    .use(name)
    .catch((error: unknown) => {
      if (error instanceof ImageStoreError && error.code === 'ERR_IMAGE_STORE_NOT_FOUND') return undefined;
      throw error;
    });
  if (found !== undefined) {
    const names = [...found.tags, ...found.digests];
    return [{ id: found.id, repositories: names.flatMap((each) => repositoryOf(each) ?? []) }];
  }
  const reference = parseReference(name);
  const repository = canonicalName(reference);
  const noSuchImage = new RequestError(404, `No such image: ${name}`);
  if (!isNameOnly(reference) || !sightOf(principal).repository(repository)) throw noSuchImage;
  assertAllowed(principal, { kind: 'source', image: name, repositories: [repository] });
  const tags = await store.tagsOf(nameOnly(reference));
  if (tags.length === 0) throw noSuchImage;
  return tags.map(({ id }) => ({ id, repositories: [repository] }));
}

async function saveImages(
  context: Pick<EngineContext, 'store' | 'audit' | 'activity' | 'events'>,
  names: readonly string[],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // A repository without a tag means all of its tags.
  const images = new Map<string, SavedImage>();
  for (const name of names) {
    for (const image of await savedImages(context.store, name, request.principal)) images.set(image.id, image);
  }
  const work = context.activity.begin('save', request.principal.name);
  const client = watchClient(reply.raw, work.signal);
  const end = (): void => {
    client[Symbol.dispose]();
    work[Symbol.dispose]();
  };
  try {
    const archive = await audited(context, request, { action: 'save', subject: names.join(' ') }, () =>
      context.store.save(names, { signal: client.signal }),
    );
    for (const { id, repositories } of images.values()) {
      context.events.publish({ action: 'save', actor: id, attributes: { name: id }, repositories });
    }
    const body = Readable.from(archive, { objectMode: false });
    body.once('close', end);
    return await reply.header('content-type', 'application/x-tar').send(body);
  } catch (error) {
    end();
    throw error;
  }
}
