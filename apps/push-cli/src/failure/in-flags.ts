import { kebabName, optionTable } from '@slipway/client/options';

/** The client's arguments that are no flags here. */
const words: Readonly<Record<string, string>> = {
  source: 'SOURCE',
  to: 'DESTINATION',
  credentials: '--username and --password-stdin',
  spoolFolder: 'TMPDIR',
  signing: '--sign-key',
};

/**
 * A text of a package with its options as this program's flags: "`allTags`" becomes --all-tags, and "`learn: off`"
 * becomes --learn off. What stands in backticks and is no option stays as it is.
 */
export function inFlags(text: string): string;
export function inFlags(text: string | undefined): string | undefined;
export function inFlags(text: string | undefined): string | undefined {
  return text?.replace(/`([a-z][A-Za-z]*)(?:: ([^`]+))?`/g, (found, name: string, value: string | undefined) => {
    const flag = words[name] ?? (Object.hasOwn(optionTable, name) ? `--${kebabName(name)}` : undefined);
    if (flag === undefined) return found;
    return value === undefined ? flag : `${flag} ${value}`;
  });
}
