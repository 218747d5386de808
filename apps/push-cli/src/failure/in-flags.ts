import { kebabName } from '@slipway/client/options';

/** The client's arguments that are no flags here. */
const words: Readonly<Record<string, string>> = {
  source: 'SOURCE',
  to: 'DESTINATION',
  credentials: '--username and --password-stdin',
};

/**
 * A text of the client with its options as this program's flags: "`allTags`" becomes --all-tags, and "`learn: off`"
 * becomes --learn off.
 */
export function inFlags(text: string): string;
export function inFlags(text: string | undefined): string | undefined;
export function inFlags(text: string | undefined): string | undefined {
  return text?.replace(/`([a-z][A-Za-z]*)(?:: ([^`]+))?`/g, (_, name: string, value: string | undefined) => {
    const flag = words[name] ?? `--${kebabName(name)}`;
    return value === undefined ? flag : `${flag} ${value}`;
  });
}
