import type { Platform } from '@slipway/manifest';
import type { FastifyRequest } from 'fastify';
import { RequestError } from '../../errors.ts';
import { queryJSON } from '../../http/query.ts';
import { isVersionBelow } from '../system/api-version.ts';

/**
 * The platform that a request asks for, as JSON; undefined when it does not, or its version of the API knows none.
 *
 * @throws {RequestError} 400 in docker's words
 */
export function platformQuery(request: FastifyRequest, since: string): Platform | undefined {
  if (isVersionBelow(request.apiVersion, since)) return undefined;
  const value = queryJSON(request, 'platform');
  if (value === undefined) return undefined;
  const { os, architecture, variant, ...rest } = value as Readonly<Record<string, unknown>>;
  const version = rest['os.version'];
  if (typeof os !== 'string' || os === '' || typeof architecture !== 'string' || architecture === '') {
    throw new RequestError(400, 'both OS and Architecture must be provided');
  }
  return {
    os,
    architecture,
    ...(typeof variant === 'string' && variant !== '' && { variant }),
    ...(typeof version === 'string' && version !== '' && { 'os.version': version }),
  };
}
