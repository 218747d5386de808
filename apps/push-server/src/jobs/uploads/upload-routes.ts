import type { FastifyReply } from 'fastify';
import type { EngineContext } from '../../engine/engine-context.ts';
import { RequestError } from '../../errors.ts';
import { mediaTypeOf } from '../../http/media-type.ts';
import { readBody } from '../../http/request-body.ts';
import { assertMayPushSomewhere } from '../../security/principal.ts';
import type { ApiParameter, ApiRoute } from '../routes/api-route.ts';
import type { Upload, Uploads } from './uploads.ts';

const idParameter: ApiParameter = {
  name: 'upload',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'As the `Location` of its creation ends.',
};
const offset: ApiParameter = {
  name: 'Upload-Offset',
  in: 'header',
  required: true,
  schema: { type: 'integer', minimum: 0 },
  description: 'Where the body begins: what the upload has so far.',
};
const length: ApiParameter = { ...offset, name: 'Upload-Length', description: 'Bytes of the whole archive.' };
const version = '1.0.0';
const offsetType = 'application/offset+octet-stream';

type UploadNeeds = Pick<EngineContext, 'config' | 'activity' | 'disk'>;

/**
 * Archives in parts, for networks that break: creation, offset, appending, termination.
 *
 * @see https://tus.io/protocols/resumable-upload
 */
export function uploadRoutes(context: UploadNeeds, uploads: Uploads): readonly ApiRoute[] {
  const { maxLoadSize, idleTimeoutMs } = context.config;
  const answer = (reply: FastifyReply, status: number, upload?: Upload): FastifyReply => {
    reply.header('tus-resumable', version).header('cache-control', 'no-store').code(status);
    if (upload === undefined) return reply.send();
    const { offset: at, size, expiresAt } = upload;
    reply.header('upload-offset', String(at)).header('upload-length', String(size));
    return reply.header('upload-expires', new Date(expiresAt).toUTCString()).send();
  };
  const idOf = (params: unknown): string => (params as { readonly upload?: string }).upload ?? '';
  const headerOf = (headers: NodeJS.Dict<string | string[]>, name: string): number => {
    const value = String(headers[name] ?? '');
    if (!/^\d{1,15}$/.test(value)) throw new RequestError(400, `invalid ${name}: expected a number of bytes`);
    return Number(value);
  };

  return [
    {
      method: 'POST',
      path: '/slipway/v1/uploads',
      operation: 'createUpload',
      summary: 'Begin to upload an archive in parts',
      description:
        'By the tus protocol (1.0.0, with creation, termination and expiration). A complete upload is submitted ' +
        'with `upload` of a JobRequest. It is kept for 24 h.',
      access: 'handler',
      needsFolder: true,
      parameters: [length],
      failures: [413, 507],
      responses: { 201: { description: '`Location` has its address.' } },
      async handle(request, reply) {
        assertMayPushSomewhere(request.principal);
        const size = headerOf(request.headers, 'upload-length');
        if (maxLoadSize > 0 && size > maxLoadSize) {
          throw new RequestError(413, `the archive is larger than ${maxLoadSize} bytes`);
        }
        using _room = await context.disk.claim('the archive', size, 'archive');
        const upload = await uploads.create(size, request.principal.name);
        reply.header('location', `/slipway/v1/uploads/${upload.id}`);
        return answer(reply, 201, upload);
      },
    },
    {
      method: 'HEAD',
      path: '/slipway/v1/uploads/{upload}',
      operation: 'getUpload',
      summary: 'How much of an upload is there',
      access: 'read',
      needsFolder: true,
      parameters: [idParameter],
      failures: [404],
      responses: { 200: { description: '`Upload-Offset` and `Upload-Length`.' } },
      handle: async (request, reply) =>
        answer(reply, 200, await uploads.get(idOf(request.params), request.principal.name)),
    },
    {
      method: 'PATCH',
      path: '/slipway/v1/uploads/{upload}',
      operation: 'appendUpload',
      summary: 'Add to an upload',
      access: 'handler',
      needsFolder: true,
      parameters: [idParameter, offset],
      body: { contentTypes: [offsetType], schema: { type: 'string', format: 'binary' } },
      failures: [404, 408, 409, 413, 415, 507],
      responses: { 204: { description: '`Upload-Offset` is the new one.' } },
      async handle(request, reply) {
        const { name } = request.principal;
        const id = idOf(request.params);
        if (mediaTypeOf(request.headers) !== offsetType) {
          throw new RequestError(415, `the body has to be ${offsetType}`);
        }
        const at = headerOf(request.headers, 'upload-offset');
        const upload = await uploads.get(id, name);
        using _work = context.activity.begin('load', name);
        using claim = await context.disk.claim(
          'the archive',
          Number(request.headers['content-length'] ?? 0),
          'archive',
        );
        const body = claim.metered(readBody(request.raw, { maxBytes: upload.size, idleTimeoutMs }));
        return answer(reply, 204, await uploads.append(id, name, at, body));
      },
    },
    {
      method: 'DELETE',
      path: '/slipway/v1/uploads/{upload}',
      operation: 'deleteUpload',
      summary: 'Give an upload up',
      access: 'handler',
      needsFolder: true,
      parameters: [idParameter],
      failures: [404, 409],
      responses: { 204: { description: 'It is gone.' } },
      async handle(request, reply) {
        await uploads.delete(idOf(request.params), request.principal.name);
        return answer(reply, 204);
      },
    },
  ];
}
