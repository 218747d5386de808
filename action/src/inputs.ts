import type { ClientSettings, PushSettings } from '@slipway/client';
import { kebabName, type OptionEntry, optionsOf } from '@slipway/client/options';

/** What a workflow asked for. */
export interface ActionInputs {
  readonly source: string;
  /** Destinations, one a line. */
  readonly to: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly client: ClientSettings;
  readonly push: PushSettings;
}

/**
 * Reads the inputs of `action.yml`. Those of a push have the names and meanings of the table of options; an input that
 * is empty is not set.
 *
 * @param read the text of one input, without spaces around it
 * @throws {Error} that names the input
 */
export function readInputs(read: (name: string) => string): ActionInputs {
  const needed = (name: string): string => {
    const text = read(name);
    if (text === '') throw new Error(`The input '${name}' is missing`);
    return text;
  };
  const values = (face: 'client' | 'push'): object =>
    Object.fromEntries(
      optionsOf(face).flatMap(([name, entry]) => {
        const text = read(kebabName(name));
        return text === '' ? [] : [[name, readValue(kebabName(name), entry, text)]];
      }),
    );
  return {
    source: needed('source'),
    to: needed('to')
      .split(/[\s,]+/)
      .filter(Boolean),
    username: read('username') || undefined,
    password: read('password') || undefined,
    client: values('client'),
    push: values('push'),
  };
}

function readValue(name: string, { kind }: OptionEntry, text: string): unknown {
  const given = givenIn(kind, text);
  if (kind.read(given) === undefined) throw new Error(`The input '${name}' has to be ${kind.expected}, not '${text}'`);
  return given;
}

function givenIn({ isSwitch, isList }: OptionEntry['kind'], text: string): unknown {
  if (isSwitch) return { true: true, false: false }[text.toLowerCase()];
  const pieces = isList ? text.split(/[\s,]+/) : [];
  return pieces.length > 1 ? pieces : text;
}
