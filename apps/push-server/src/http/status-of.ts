import { ClientError } from '@slipway/client';
import { ImageStoreError, type ImageStoreErrorCode } from '@slipway/image-store';
import { InvalidReferenceError } from '@slipway/reference';
import { registryErrorOf } from '@slipway/registry-client';
import { RequestError } from '../errors.ts';

const storeStatuses: Readonly<Record<ImageStoreErrorCode, number>> = {
  ERR_IMAGE_STORE_NOT_FOUND: 404,
  ERR_IMAGE_STORE_CONFLICT: 409,
  ERR_IMAGE_STORE_REFERENCE: 400,
  ERR_IMAGE_STORE_INVALID_IMAGE: 400,
  ERR_IMAGE_STORE_CORRUPT: 500,
  ERR_IMAGE_STORE_FULL: 507,
  ERR_IMAGE_STORE_LOCKED: 503,
  ERR_IMAGE_STORE_UNAVAILABLE: 500,
};

/** Statuses of a registry's answer that are passed on as they are; docker knows the registry's codes by them. */
const passed: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 429, 503]);

/** The HTTP status of a failure, as docker's daemon chooses it by the class of the error. */
export function statusOf(error: unknown): number {
  if (error instanceof ImageStoreError) return storeStatuses[error.code];
  if (error instanceof RequestError) return error.status;
  if (error instanceof InvalidReferenceError || error instanceof ClientError) return 400;
  const answer = registryErrorOf(error);
  if (answer !== undefined) return answer.status !== undefined && passed.has(answer.status) ? answer.status : 500;
  if (typeof error !== 'object' || error === null) return 500;
  const { status, statusCode } = error as { readonly status?: unknown; readonly statusCode?: unknown };
  const own = status ?? statusCode; // fastify's own errors have the latter
  return typeof own === 'number' && own >= 400 && own <= 599 ? own : 500;
}
