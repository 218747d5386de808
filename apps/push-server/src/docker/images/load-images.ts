import { shortDigest } from '@slipway/digest';
import { type ImageSource, openSource, type SourceItem, type SourceNotice } from '@slipway/image-source';
import type { LoadedImage } from '@slipway/image-store';
import { formatPlatform, matchPlatform, type Platform } from '@slipway/manifest';
import { canonicalName, parseReference, type Reference } from '@slipway/reference';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { documentLimits } from '../../engine/document-limits.ts';
import type { EngineContext } from '../../engine/engine-context.ts';
import { RequestError } from '../../errors.ts';
import { audited } from '../../http/audited.ts';
import { watchClient } from '../../http/client-signal.ts';
import { errorText } from '../../http/error-text.ts';
import { queryFlag } from '../../http/query.ts';
import { readBody } from '../../http/request-body.ts';
import { assertAllowed, type Principal } from '../../security/principal.ts';
import { DockerStream } from '../stream/docker-stream.ts';
import { platformQuery } from './platform-query.ts';

/** What a load works with. */
export type LoadNeeds = Pick<EngineContext, 'config' | 'store' | 'activity' | 'disk' | 'spoolFolder' | 'audit'>;

/** `POST /images/load`: takes an archive in and tells, in a stream, what came of it. Its status is always 200. */
export async function loadImages(context: LoadNeeds, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { config, store, activity, disk, spoolFolder } = context;
  const isQuiet = queryFlag(request, 'quiet');
  const platform = platformQuery(request, '1.48');
  using work = activity.begin('load', request.principal.name);
  using client = watchClient(reply.raw, work.signal);
  const { signal } = client;
  reply.hijack();
  const stream = new DockerStream(reply.raw);
  try {
    await audited(context, request, { action: 'load', subject: 'archive', textOf }, async (details) => {
      const { maxLoadSize: maxBytes, idleTimeoutMs } = config;
      using claim = await disk.claim('the archive', Number(request.headers['content-length'] ?? 0), 'spool');
      const stdin = claim.metered(readBody(request.raw, { maxBytes, idleTimeoutMs }));
      const documents = documentLimits(config);
      const noNames: string[] = [];
      const onNotice = ({ code, name = '' }: SourceNotice): void => {
        if (code === 'name-unreadable') noNames.push(name);
      };
      await using source = await claim.open((limits) =>
        openSource('-', { stdin, spoolFolder, signal, onNotice, limits: { ...documents, ...limits } }),
      );
      // Who loads an image by its name looks for it by that: without one it would be lost, and dockerd refuses it, too.
      const [noName] = noNames;
      if (noName !== undefined) throw new RequestError(400, `invalid tag ${JSON.stringify(noName.slice(0, 200))}`);
      assertNames(source, request.principal);
      const load = (): Promise<readonly LoadedImage[]> =>
        store.load(onlyPlatform(source, platform), {
          signal,
          onProgress({ diffID, total, ...progress }) {
            if (isQuiet || progress.type === 'layer:exists') return;
            stream.write({
              kind: 'action',
              id: shortDigest(diffID),
              status: 'Loading layer',
              current: progress.current,
              total,
            });
          },
        });
      const loaded = await claim.store(load);
      if (loaded.length === 0) throw new RequestError(400, 'the archive holds no image: nothing was loaded');
      details['images'] = loaded.map(({ id }) => id);
      for (const text of loadedTexts(loaded)) stream.write({ kind: 'text', stream: text });
    });
  } catch (error) {
    stream.write({ kind: 'error', message: textOf(error) });
  }
  await stream.end();
}

/** What comes in as our standard input is a file to the client, or what it was piped. */
function textOf(error: unknown): string {
  return errorText(error).replaceAll(/"?standard input"?/g, 'the archive');
}

/** Looks at the names that the archive brings, before anything is stored. @throws {RequestError} 403 */
function assertNames({ items }: ImageSource, principal: Principal): void {
  for (const name of items.flatMap((item) => item.names)) {
    const reference = referenceOf(name);
    if (reference !== undefined) assertAllowed(principal, { kind: 'name', repository: canonicalName(reference) });
  }
}

/** A bare tag of a layout is no name. */
function referenceOf(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

/** What docker says at the end, line by line. */
export function loadedTexts(loaded: readonly LoadedImage[]): readonly string[] {
  const texts: string[] = [];
  for (const { replaced } of loaded) {
    for (const { tag, id } of replaced) {
      texts.push(`The image ${tag} already exists, renaming the old one with ID ${id} to empty string\n`);
    }
  }
  for (const { id, tags } of loaded) {
    texts.push(...(tags.length === 0 ? [`Loaded image ID: ${id}\n`] : tags.map((tag) => `Loaded image: ${tag}\n`)));
  }
  return texts;
}

/** The source with what runs on the platform alone; an index gives its name to its child. */
function onlyPlatform(source: ImageSource, platform: Platform | undefined): ImageSource {
  if (platform === undefined) return source;
  const items = source.items.flatMap((item) => matching(item, platform, item.names));
  if (items.length === 0) {
    throw new RequestError(404, `the archive has no image for ${formatPlatform(platform)}`);
  }
  return { kind: source.kind, name: source.name, items, [Symbol.asyncDispose]: async () => {} };
}

function matching(item: SourceItem, platform: Platform, names: readonly string[]): readonly SourceItem[] {
  if (item.kind === 'index') return item.children.flatMap((child) => matching(child.item, platform, names)).slice(0, 1);
  const fits = item.kind === 'image' && item.platform !== undefined && matchPlatform(platform, item.platform);
  return fits ? [{ ...item, names }] : [];
}
