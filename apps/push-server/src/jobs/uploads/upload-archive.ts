import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSource, SourceError } from '@slipway/image-source';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { documentLimits } from '../../engine/document-limits.ts';
import type { EngineContext } from '../../engine/engine-context.ts';
import { RequestError } from '../../errors.ts';
import { watchClient } from '../../http/client-signal.ts';
import { readBody } from '../../http/request-body.ts';
import type { JobSource } from '../record/job.ts';
import { archiveText, contentOf, nameIn, newKey, onlyItemOf } from '../run/job-sources.ts';
import type { JobService } from '../service/job-service.ts';

/** An archive that was uploaded for a job. */
export interface UploadedArchive {
  readonly source: Extract<JobSource, { readonly kind: 'archive' }>;
  readonly contentHash: string;
}

/**
 * Takes the body of a request as an archive, on disk when the promise resolves, and looks whether it holds the one
 * image that is meant.
 *
 * @throws {RequestError} 400, 408, 413, 503; what reading the archive throws
 */
export async function uploadArchive(
  context: Pick<EngineContext, 'config' | 'activity' | 'disk' | 'spoolFolder'>,
  {
    folder,
    image,
    allTags,
  }: { readonly folder: string; readonly image: string | undefined; readonly allTags: boolean },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<UploadedArchive> {
  const { config, activity, disk, spoolFolder } = context;
  if (allTags) assertAllOf(image);
  using work = activity.begin('load', request.principal.name);
  using client = watchClient(reply.raw, work.signal);
  using claim = await disk.claim('the archive', Number(request.headers['content-length'] ?? 0), 'archive');
  const file = newKey();
  const path = join(folder, file);
  try {
    const hash = createHash('sha256');
    let size = 0;
    {
      await using handle = await open(path, 'wx', 0o600);
      const { maxLoadSize: maxBytes, idleTimeoutMs } = config;
      for await (const chunk of claim.metered(readBody(request.raw, { maxBytes, idleTimeoutMs }))) {
        hash.update(chunk);
        size += chunk.byteLength;
        await handle.writeFile(chunk); // goes on where the last one ended
      }
      await handle.sync();
    }
    const { signal } = client;
    const documents = documentLimits(config);
    await using opened = await claim.open((limits) =>
      openSource(archiveText(path, image), { signal, spoolFolder, limits: { ...documents, ...limits } }),
    );
    if (allTags) return { source: { kind: 'archive', file, size }, contentHash: hash.digest('hex') };
    const item = onlyItemOf(opened);
    const source = { kind: 'archive', file, size, image: image ?? nameIn(item), content: contentOf(item) } as const;
    return { source, contentHash: hash.digest('hex') };
  } catch (error) {
    await rm(path, { force: true });
    throw error instanceof SourceError ? asRequestError(error, path) : error;
  }
}

/**
 * The same for an archive that was uploaded in parts before. The upload stays: it goes once there is a job for it.
 *
 * @throws {RequestError} 404, 409; 400 when it is no archive of the one image that is meant
 */
export async function archiveOfUpload(
  { config, spoolFolder, disk }: Pick<EngineContext, 'config' | 'disk' | 'spoolFolder'>,
  { uploads, sources }: Pick<JobService, 'uploads' | 'sources'>,
  {
    upload,
    image,
    allTags = false,
    principal,
  }: {
    readonly upload: string;
    readonly image?: string | undefined;
    readonly allTags?: boolean | undefined;
    readonly principal: string;
  },
): Promise<UploadedArchive> {
  if (allTags) assertAllOf(image);
  const { file, size, contentHash } = await uploads.complete(upload, principal);
  const archive = { kind: 'archive', file, size } as const;
  try {
    if (allTags) return { source: archive, contentHash };
    using claim = await disk.claim('the archive', 0, 'archive');
    const path = join(sources.archiveFolder, file);
    const documents = documentLimits(config);
    await using opened = await claim.open((limits) =>
      openSource(archiveText(path, image), { spoolFolder, limits: { ...documents, ...limits } }),
    );
    const item = onlyItemOf(opened);
    return { source: { ...archive, image: image ?? nameIn(item), content: contentOf(item) }, contentHash };
  } catch (error) {
    await sources.release(archive);
    throw error instanceof SourceError ? asRequestError(error, join(sources.archiveFolder, file)) : error;
  }
}

/** @throws {RequestError} 400 */
function assertAllOf(image: string | undefined): void {
  if (image === undefined) return;
  const quoted = JSON.stringify(image);
  throw new RequestError(400, `invalid request: image ${quoted} chooses one, and allTags takes all of the archive`);
}

function asRequestError(error: SourceError, path: string): RequestError {
  const { message, code: reason, origin, hint } = error;
  const told = (text: string): string => text.replaceAll(path, 'the archive');
  return new RequestError(400, told(message), { cause: error, reason, origin, hint: hint && told(hint) });
}
