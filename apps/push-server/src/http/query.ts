import type { FastifyRequest } from 'fastify';
import { RequestError } from '../errors.ts';

/** The value of a query parameter, the first one when there are several; undefined when it is absent or empty. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const [first] = queryTexts(request, name);
  return first === undefined || first === '' ? undefined : first;
}

/** All values of a query parameter. */
export function queryTexts({ query }: FastifyRequest, name: string): readonly string[] {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  return (Array.isArray(value) ? value : [value]).filter((member): member is string => typeof member === 'string');
}

/** Docker's reading of a switch: everything but these words is true. */
export function queryFlag(request: FastifyRequest, name: string): boolean {
  const value = queryText(request, name)?.trim().toLowerCase() ?? '';
  return !['', '0', 'no', 'false', 'none'].includes(value);
}

/**
 * JSON in a query parameter; undefined when it is absent.
 *
 * @throws {RequestError} 400
 */
export function queryJSON(request: FastifyRequest, name: string): unknown {
  const value = queryText(request, name);
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch (cause) {
    throw new RequestError(400, `invalid ${name}: ${(cause as Error).message}`, { cause });
  }
}
