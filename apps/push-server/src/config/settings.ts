import { isAbsolute } from 'node:path';

/** One thing that can be set: by flag, by variable, or in the file, always under the same name. */
export interface Setting<T> {
  /** `max-load-size`: the flag without dashes, the key in the file, and `SLIPWAYD_MAX_LOAD_SIZE`. */
  readonly name: string;
  /** What the value is called in help. A switch has none. */
  readonly placeholder?: string | undefined;
  readonly description: string;
  readonly kind: Kind<T>;
  /** What holds when nobody sets it. */
  readonly initial: T;
}

/** A kind of value: how it is read from text or JSON, and what to call it when it is not that. */
export interface Kind<T> {
  readonly expected: string;
  /** A flag may be given more than once. */
  readonly isList?: boolean | undefined;
  readonly isSwitch?: boolean | undefined;
  /** A flag may stand without a value. */
  readonly isValueOptional?: boolean | undefined;
  /** Undefined when the value is not of this kind. */
  read(value: unknown): T | undefined;
  /** A value as people write it, where a number of bytes or milliseconds says little. */
  write?(value: NonNullable<T>): string;
}

export const text: Kind<string> = {
  expected: 'a text that is not empty',
  read: (value) => (typeof value === 'string' && value.trim() !== '' ? value : undefined),
};

export const optionalPath: Kind<string | undefined> = {
  expected: 'an absolute path',
  read: (value) => (typeof value === 'string' && isAbsolute(value) ? value : undefined),
};

export const path: Kind<string> = {
  expected: 'an absolute path',
  read: (value) => (typeof value === 'string' && isAbsolute(value) ? value : undefined),
};

export const flag: Kind<boolean> = {
  expected: 'true or false',
  isSwitch: true,
  read(value) {
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === '1') return true;
    return value === 'false' || value === '0' ? false : undefined;
  },
};

/** A whole number from `least` up, or to `most`. */
export function count(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  return {
    expected: `a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}`,
    read(value) {
      const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isSafeInteger(number) && number >= least && number <= most
        ? number
        : undefined;
    },
  };
}

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

export const bytes: Kind<number> = {
  expected: 'a size such as 20GB or 512MiB, or 0 for no limit',
  read: (value) => amount(value, byteUnits),
  write: (value) =>
    written(value, { TiB: 2 ** 40, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, GB: 1e9, MB: 1e6, kB: 1e3 }, ''),
};

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const day = durationUnits['d'] as number;

/** The longest time in whole days that a timer of Node takes: one set for longer rings at once. */
export const longestTimer: number = 24 * day;

/**
 * Milliseconds, written with their unit. Each setting says how long it may be: a time that a timer cannot wait, or that
 * makes no sense, is refused at the start, and not found out later.
 */
export function duration(least: number, most: number): Kind<number> {
  return {
    expected: `a duration such as 500ms, 30s, 5m or 2h, from ${writtenTime(least)} to ${writtenTime(most)}`,
    read(value) {
      const read = typeof value === 'string' ? amount(value, durationUnits) : undefined;
      return read !== undefined && read >= least && read <= most ? read : undefined;
    },
    write: writtenTime,
  };
}

function writtenTime(value: number): string {
  return value === 0 ? '0s' : written(value, { d: day, h: 3_600_000, m: 60_000, s: 1_000 }, 'ms');
}

/** One of a few words. */
export function choice<T extends string>(...words: readonly T[]): Kind<T> {
  return { expected: words.join(', '), read: (value) => words.find((word) => word === value) };
}

/** The default of a setting as help shows it: texts in quotes. Undefined where nothing holds. */
export function shownDefault({ kind, initial }: Setting<unknown>): string | undefined {
  if (initial === undefined || initial === false || (Array.isArray(initial) && initial.length === 0)) return undefined;
  if (kind.write !== undefined && initial !== null) return kind.write(initial);
  return typeof initial === 'number'
    ? String(initial)
    : [initial]
        .flat()
        .map((each) => JSON.stringify(each))
        .join(', ');
}

/** Several of a kind: a flag given more than once, a variable with commas, a list in the file. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    expected: `a list, each ${kind.expected}`,
    isList: true,
    read(value) {
      const members = typeof value === 'string' ? value.split(',').map((member) => member.trim()) : value;
      if (!Array.isArray(members)) return undefined;
      const read = members.map((member: unknown) => kind.read(member));
      return read.every((member) => member !== undefined) ? read : undefined;
    },
  };
}

/**
 * For all, for none, or for the members of a list: a flag with or without a value, which may be given more than once.
 */
export function allOr<T>(kind: Kind<T>): Kind<boolean | readonly T[]> {
  const members = list(kind);
  return {
    expected: `true, false, or ${members.expected}`,
    isList: true,
    isValueOptional: true,
    read: (value) => flag.read(value) ?? members.read(value),
  };
}

/** JSON objects: one, or a list of them; a flag has one, a variable either. */
export const objects: Kind<readonly object[]> = {
  expected: 'a JSON object, or a list of them',
  isList: true,
  read(value) {
    const members = [value].flat().flatMap((member: unknown) => (typeof member === 'string' ? parsed(member) : member));
    return members.every((member) => typeof member === 'object' && member !== null) ? (members as object[]) : undefined;
  },
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `0600`-like. */
export const fileMode: Kind<number> = {
  expected: 'a file mode such as 0660',
  read: (value) => (typeof value === 'string' && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
  write: (value) => `0${value.toString(8).padStart(3, '0')}`,
};

/** In the first unit that makes it a whole number. */
function written(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  const [unit, factor] = Object.entries(units).find(([, size]) => value > 0 && value % size === 0) ?? [smallest, 1];
  return `${value / factor}${unit}`;
}

function amount(value: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(typeof value === 'string' ? value : '') ?? [];
  const factor = units[unit.toLowerCase()];
  const result = digits === '' || factor === undefined ? Number.NaN : Math.round(Number(digits) * factor);
  return Number.isSafeInteger(result) ? result : undefined;
}
