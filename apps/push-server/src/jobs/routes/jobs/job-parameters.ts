import type { FastifyRequest } from 'fastify';
import { noSuchJob } from '../../service/no-such-job.ts';
import type { ApiParameter } from '../api-route.ts';
import { maxKeyChars } from './submission.ts';

export const maxBodyBytes: number = 1024 * 1024;

export const idParameter: ApiParameter = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', pattern: '^[0-9a-f]{24}$' },
  description: 'As the submission answered.',
};
export const keyParameter: ApiParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: maxKeyChars },
  description:
    'Chosen by the client. The same key again means the same job: a request that was cut off can be repeated.',
};
export const authParameter: ApiParameter = {
  name: 'X-Registry-Config',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description:
    'Base64url of JSON: credentials by registry, as in `credentials` of a JobRequest; docker build sends the same.',
};
export const secretParameter: ApiParameter = {
  name: 'X-Slipway-Webhook-Secret',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 16, maxLength: 512 },
  description: 'As `secret` of a WebhookRequest.',
};

export function idOf({ params }: FastifyRequest): string {
  const { id = '' } = params as { readonly id?: string };
  if (!/^[0-9a-f]{24}$/.test(id)) throw noSuchJob(id);
  return id;
}
