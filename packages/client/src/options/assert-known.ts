import { unknownOption } from '@slipway/arguments';
import { optionError } from '../errors.ts';
import { type Face, optionsOf } from './option-table.ts';
import type { OptionName } from './option-values.ts';

/** Names of options that stand in no table: parts that come from outside, sources and destinations. */
export type PartNames<T> = Readonly<Record<Exclude<Extract<keyof T, string>, OptionName>, true>>;

/** What has options that a caller without types may misspell. */
interface OptionBag {
  /** Completes "`x` is no option of …". */
  readonly name: string;
  readonly known: readonly string[];
  /** Where else an option could belong. */
  readonly neighbour: { readonly face: Face; readonly hint: string };
}

const ofPush = { face: 'push', hint: 'give it to `push`' } as const;
const ofClient = { face: 'client', hint: 'give it to `createClient`' } as const;

/** The options of a client. */
export function clientBag(parts: readonly string[]): OptionBag {
  return { name: 'a client', known: [...namesOf('client'), ...parts], neighbour: ofPush };
}

/** The options of a push. */
export function pushBag(parts: Readonly<Record<string, true>>): OptionBag {
  return { name: 'a push', known: [...namesOf('push'), ...Object.keys(parts)], neighbour: ofClient };
}

/** The options of something smaller than a push, by name. */
export function bagOf(name: string, known: Readonly<Record<string, true>>): OptionBag {
  return { name, known: Object.keys(known), neighbour: ofClient };
}

/** Refuses an option that is none: it would be waited for in vain. @throws {ClientError} `ERR_CLIENT_OPTION` */
export function assertKnown(given: object, { name: bag, known, neighbour }: OptionBag): void {
  const unknown = unknownOption(given, known);
  if (unknown === undefined) return;
  const { name, meant } = unknown;
  const isNeighbours = namesOf(neighbour.face).includes(name);
  const hint = isNeighbours ? neighbour.hint : meant === undefined ? undefined : `did you mean \`${meant}\`?`;
  throw optionError(`\`${name}\` is no option of ${bag}`, hint);
}

function namesOf(face: Face): readonly string[] {
  return optionsOf(face).map(([name]) => name);
}
