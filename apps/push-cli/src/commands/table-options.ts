import { kebabName, type OptionEntry, type OptionName, optionTable } from '@slipway/client/options';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** What every command takes that talks to a registry. */
export const connectionOptions: readonly OptionName[] = ['plainHttp', 'insecure', 'certDir', 'authfile', 'timeout'];

/**
 * Adds options of the table that all faces of a push share, in this order.
 *
 * @param place where the parts of the help are that say more of some of them
 */
export function addTableOptions(
  command: Command,
  names: readonly OptionName[],
  place: string = 'in `slipway help push`',
): Command {
  for (const name of names) command.addOption(optionFor(name, optionTable[name], place));
  return command;
}

/** One option of the table as commander has it. */
export function optionFor(name: string, entry: OptionEntry, place = ''): Option {
  const { kind, section, initial, short, placeholder, isOn } = entry;
  const flag = `${short === undefined ? '' : `-${short}, `}--${isOn === true ? 'no-' : ''}${kebabName(name)}`;
  const description = section === undefined ? entry.description : `${entry.description}: see ${section} ${place}`;
  const option = new Option(placeholder === undefined ? flag : `${flag} ${placeholder}`, description);
  if (kind.choices !== undefined) option.choices(kind.choices);
  if (kind.isSwitch !== true && (kind.choices === undefined || kind.joinedChoices !== undefined))
    option.argParser((text, earlier) => joined(readValue(text, entry), earlier, entry));
  return initial === undefined || isOn === true ? option : option.default(initial);
}

/** Reads a value as its kind has it. @throws {InvalidArgumentError} when it is no such value */
export function readValue<T>(text: string, { kind }: Pick<OptionEntry<T>, 'kind'>): T {
  const value = kind.read(text);
  if (value === undefined) throw new InvalidArgumentError(`Expected ${kind.expected}`);
  return value;
}

/** An option that may be given again collects its values; a text among them stands for all there are. */
function joined(value: unknown, earlier: unknown, { kind }: OptionEntry): unknown {
  if (kind.isList !== true || !Array.isArray(value) || earlier === undefined) return value;
  return Array.isArray(earlier) ? [...earlier, ...value] : earlier;
}
