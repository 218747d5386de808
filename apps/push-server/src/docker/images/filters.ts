import type { FastifyRequest } from 'fastify';
import { RequestError } from '../../errors.ts';
import { queryJSON } from '../../http/query.ts';

/** Values by filter name. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `filters`: `{"reference":{"a":true}}`, or `{"reference":["a"]}` from old clients.
 *
 * @throws {RequestError} 400 for anything else, and for names that are not known
 */
export function parseFilters(request: FastifyRequest, known: readonly string[]): Filters {
  const document = queryJSON(request, 'filters') ?? {};
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw invalid('filters');
  const filters = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(document)) {
    if (!known.includes(name)) throw invalid(name);
    filters.set(name, valuesOf(name, value));
  }
  return filters;
}

/**
 * A filter of yes or no; undefined when it is absent.
 *
 * @throws {RequestError} 400
 */
export function booleanFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return undefined;
  const yes = values.some((value) => value === '1' || value === 'true');
  const no = values.some((value) => value === '0' || value === 'false');
  if (yes === no) throw new RequestError(400, `invalid filter '${name}=[${values.join(' ')}]'`);
  return yes;
}

/** Whether labels have all that is wanted: `key`, or `key=value`. */
export function matchesLabels(wanted: readonly string[], labels: Readonly<Record<string, string>>): boolean {
  return wanted.every((text) => {
    const at = text.indexOf('=');
    if (at === -1) return Object.hasOwn(labels, text);
    const key = text.slice(0, at);
    return Object.hasOwn(labels, key) && labels[key] === text.slice(at + 1);
  });
}

function valuesOf(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((member) => typeof member === 'string')) return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name);
  return Object.entries(value).flatMap(([text, isWanted]) => (isWanted === true ? text : []));
}

function invalid(name: string): RequestError {
  return new RequestError(400, `invalid filter '${name}'`);
}
