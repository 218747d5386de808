import { type ClientEnvironment, readEnvironment as readClientEnvironment } from '@slipway/client/program';

/** Everything the program takes from the environment: what its client does, and what the terminal is like. */
export interface Environment extends ClientEnvironment {
  /** A CI service runs the program. */
  readonly isCI: boolean;
  /** The locale says UTF-8, so bars and dots may be more than ASCII. */
  readonly hasUnicode: boolean;
  /** Colours are welcome on a terminal: no `NO_COLOR`, no `TERM=dumb`. */
  readonly hasColour: boolean;
  /** The terminal understands no cursor movements: `TERM=dumb`. */
  readonly isDumbTerminal: boolean;
}

/** Reads the environment. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const value = (name: string): string | undefined => variables[name] || undefined;
  const locale = value('LC_ALL') ?? value('LC_CTYPE') ?? value('LANG') ?? '';
  const isDumbTerminal = value('TERM') === 'dumb';
  return {
    ...readClientEnvironment(variables),
    isCI: value('CI') !== undefined && value('CI') !== 'false',
    hasUnicode: process.platform === 'win32' ? value('WT_SESSION') !== undefined : /utf-?8/i.test(locale),
    hasColour: value('NO_COLOR') === undefined && !isDumbTerminal,
    isDumbTerminal,
  };
}
