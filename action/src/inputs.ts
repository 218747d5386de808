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
  if (kind.isSwitch) {
    const value = { true: true, false: false }[text.toLowerCase()];
    if (value === undefined) throw new Error(`The input '${name}' has to be true or false, not '${text}'`);
    return value;
  }
  const value = kind.read(text);
  if (value === undefined && !kind.isList)
    throw new Error(`The input '${name}' has to be ${kind.expected}, not '${text}'`);
  return kind.isList ? text.split(/[\s,]+/) : text;
}
