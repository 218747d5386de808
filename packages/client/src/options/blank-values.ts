/** What a parser of a command line has read, as Commander has it. */
export interface ParsedCommand {
  readonly options: readonly { readonly flags: string; attributeName(): string }[];
  readonly registeredArguments: readonly { name(): string }[];
  /** As they were given. */
  readonly args: readonly string[];
  readonly parent: ParsedCommand | null;
  opts(): Readonly<Record<string, unknown>>;
}

/**
 * Says which option or argument was given as an empty text, or as one of spaces: what a script makes of a variable that
 * is not set. Undefined when there is none.
 */
export function blankValue(command: ParsedCommand): string | undefined {
  for (let each: ParsedCommand | null = command; each !== null; each = each.parent) {
    const values = each.opts();
    for (const option of each.options) {
      const blank = [values[option.attributeName()]].flat().find(isBlank);
      if (blank !== undefined) return `option '${option.flags}' argument '${String(blank)}' is invalid. ${expected}`;
    }
  }
  const { args, registeredArguments } = command;
  const at = args.findIndex(isBlank);
  if (at === -1) return undefined;
  const name = (registeredArguments[at] ?? registeredArguments.at(-1))?.name() ?? '';
  return `command-argument value '${args[at]}' is invalid for argument '${name}'. ${expected}`;
}

const expected = 'Expected a text that is not empty';

/** Whether it is a text that says nothing. */
export function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}
