import { optionError } from '../errors.ts';
import { type Face, optionsOf } from './option-table.ts';
import type { OptionValues } from './option-values.ts';

/**
 * The options of one face among what was given, each as its kind reads it. Whatever else was given is left alone.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION`
 */
export function readOptions(face: Face, given: object): Partial<OptionValues> {
  const values: Record<string, unknown> = {};
  for (const [name, { kind }] of optionsOf(face)) {
    const value: unknown = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const read = kind.read(value);
    if (read === undefined) throw optionError(`Expected \`${name}\` to be ${kind.expected}, got ${shown(value)}`);
    values[name] = read;
  }
  return values;
}

/** A value as a message has it: short, and no object's insides. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
