import { win32 } from 'node:path';

/** What to start, and with which arguments. */
export interface StartedCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Whether the arguments go to the program as they are, without Node's quotes. */
  readonly isVerbatim: boolean;
}

/**
 * What starts a program of PATH on Windows: the program itself, or the command processor where it is a script
 * (`docker-credential-corp.cmd`), which Node does not start by itself. A script whose path the command processor would
 * change (`%`) is passed over.
 *
 * @param args words of letters, which need no quotes
 */
export function windowsCommand(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  isFile: (path: string) => boolean,
): StartedCommand {
  const value = (name: string): string | undefined =>
    Object.entries(variables).find(([key]) => key.toUpperCase() === name)?.[1];
  for (const folder of (value('PATH') ?? '').split(';').filter(Boolean)) {
    const path = win32.join(folder.replaceAll('"', ''), command);
    if (isFile(`${path}.exe`)) return { file: `${path}.exe`, args, isVerbatim: false };
    const script = ['.cmd', '.bat'].map((ending) => path + ending).find((file) => !/[%"]/.test(file) && isFile(file));
    if (script !== undefined) {
      const line = `""${script}" ${args.join(' ')}"`;
      return { file: value('COMSPEC') ?? 'cmd.exe', args: ['/d', '/s', '/c', line], isVerbatim: true };
    }
  }
  return { file: command, args, isVerbatim: false };
}
