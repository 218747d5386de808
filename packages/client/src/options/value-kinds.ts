import { formatPlatform, type Platform, parsePlatform } from '@slipway/manifest';
import type { LayerKind, PushCompression } from '@slipway/push';
import { parseNondistributableRegistries } from '@slipway/registry-client';
import { isBlank } from './blank-values.ts';
import { parseByteSize } from './byte-size.ts';

/** A kind of value: how it is read from a text or from JSON, and what to call it when it is not that. */
export interface ValueKind<T = unknown> {
  /** Completes "Expected …": `a whole number, 1 to 9`. */
  readonly expected: string;
  /** JSON Schema of the value, for APIs. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Where there is a choice among a few words. */
  readonly choices?: readonly string[] | undefined;
  /** Those of the choices of which several may be given, with commas between. @default none */
  readonly joinedChoices?: readonly string[] | undefined;
  /** A switch: its flag has no value. */
  readonly isSwitch?: boolean | undefined;
  /** Several make a list. */
  readonly isList?: boolean | undefined;
  /** Reads a text as people type it, or takes the value itself. Undefined when it is no such value. */
  read(value: unknown): T | undefined;
  /** The value as JSON and URLs have it, so that `read` makes the same of it. @default the value itself */
  write?(value: T): string;
}

export const aSwitch: ValueKind<boolean> = {
  expected: 'true or false',
  schema: { type: 'boolean' },
  isSwitch: true,
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

export const aText: ValueKind<string> = {
  expected: 'a text that is not empty',
  schema: { type: 'string', pattern: '\\S', maxLength: 512 },
  read: (value) => (typeof value === 'string' && !isBlank(value) ? value : undefined),
};

/** One of a few words. */
export function choiceOf<T extends string>(...words: readonly T[]): ValueKind<T> {
  return {
    expected: `one of ${words.join(', ')}`,
    schema: { type: 'string', enum: words },
    choices: words,
    read: (value) => words.find((word) => word === value),
  };
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): ValueKind<number> {
  const isOpen = most === Number.MAX_SAFE_INTEGER;
  return {
    expected: `a whole number, ${isOpen ? `${least} or more` : `${least} to ${most}`}`,
    schema: { type: 'integer', minimum: least, ...(isOpen ? {} : { maximum: most }) },
    read(value) {
      const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
      return Number.isSafeInteger(number) && (number as number) >= least && (number as number) <= most
        ? (number as number)
        : undefined;
    },
  };
}

/** The forms that layers are made in. */
export const layerKinds: readonly LayerKind[] = ['gzip', 'zstd', 'zstd:chunked', 'estargz', 'none'];
const aLayerKind = `(?:${layerKinds.join('|')})`;

/** How layers go: as they are, in one form, or in several, with commas between or as a list: `gzip,zstd`. */
export const layerForms: ValueKind<PushCompression | readonly LayerKind[]> = {
  expected: `keep, or one or more of ${layerKinds.join(', ')}`,
  schema: {
    type: ['string', 'array'],
    pattern: `^(?:keep|${aLayerKind}(?:,${aLayerKind})*)$`,
    ...{ minItems: 1, uniqueItems: true, items: { type: 'string', enum: layerKinds } },
  },
  choices: ['keep', ...layerKinds],
  joinedChoices: layerKinds,
  write: (value) => [value].flat().join(','),
  read(value) {
    if (value === 'keep') return value;
    const kinds: unknown = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(kinds) || kinds.length === 0) return undefined;
    const known = kinds.flatMap((kind) => layerKinds.find((one) => one === kind) ?? []);
    if (known.length < kinds.length) return undefined;
    return known.length === 1 ? known[0] : known;
  },
};

const leastRate = 1000;

/** Bytes a second: `500k`, `2MiB`. */
export const byteRate: ValueKind<number> = {
  expected: '1k bytes a second or more, such as 500k, 2MB or 2MiB',
  schema: { type: ['integer', 'string'], minimum: leastRate, minLength: 1, maxLength: 32 },
  read(value) {
    const bytes = typeof value === 'string' ? parseByteSize(value) : value;
    return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= leastRate ? bytes : undefined;
  },
};

const durationUnitMs: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 });

/** Milliseconds, from a stretch of time: `90` seconds, `90s`, `1.5m`, `500ms`. A number is milliseconds already. */
export const duration: ValueKind<number> = {
  expected: 'a time from 1ms to 24h, such as 90, 90s or 2m',
  schema: { type: ['integer', 'string'], minimum: 1, minLength: 1, maxLength: 32 },
  write: (milliseconds) => `${milliseconds}ms`,
  read(value) {
    const milliseconds = typeof value === 'string' ? millisecondsIn(value) : value;
    const isTime = typeof milliseconds === 'number' && milliseconds >= 1 && milliseconds <= 86_400_000;
    return isTime ? milliseconds : undefined;
  },
};

function millisecondsIn(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text) ?? [];
  return Math.round(Number(number) * (durationUnitMs[unit] ?? Number.NaN));
}

const ageUnitMs: Readonly<Record<string, number>> = Object.freeze({ h: 3_600_000, d: 86_400_000, w: 604_800_000 });

/** A point in time: `2026-01-31`, in RFC 3339, or so long ago: `12h`, `30d`, `8w`. */
export const pointInTime: ValueKind<Date> = {
  expected: 'a date such as 2026-01-31, or an age such as 12h, 30d or 8w',
  schema: { type: 'string', minLength: 2, maxLength: 40 },
  write: (time) => time.toISOString(),
  read(value) {
    const time = value instanceof Date ? value : typeof value === 'string' ? dateIn(value, Date.now()) : undefined;
    return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
  },
};

function dateIn(text: string, now: number): Date | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * (ageUnitMs[unit] ?? Number.NaN));
  return /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text) ? new Date(text) : undefined;
}

/**
 * `os/architecture[/variant]`, as docker writes it: `linux/arm64`, `linux/arm/v7`; or what `parsePlatform` makes of it.
 */
export const aPlatform: ValueKind<Platform> = {
  expected: 'os/architecture[/variant], such as linux/arm64',
  schema: { type: 'string', maxLength: 64, examples: ['linux/arm64'] },
  write: formatPlatform,
  read(value) {
    if (typeof value !== 'string') return isPlatform(value) ? value : undefined;
    try {
      return parsePlatform(value);
    } catch {
      return undefined;
    }
  },
};

function isPlatform(value: unknown): value is Platform {
  const { os, architecture } = (value ?? {}) as { readonly os?: unknown; readonly architecture?: unknown };
  return typeof os === 'string' && typeof architecture === 'string';
}

/** Registries that foreign layers are pushed to: all of them, or those of a list as docker's daemon has it. */
export type NondistributableChoice = 'all' | readonly string[];

/** `all`, a host, `host:port` or address range, or a list of these. */
export const nondistributable: ValueKind<NondistributableChoice> = {
  expected: 'a host, host:port or address range',
  schema: {
    anyOf: [
      { type: 'string', const: 'all' },
      { type: 'array', items: { type: 'string', maxLength: 255 } },
    ],
  },
  isList: true,
  read(value) {
    if (value === 'all' || value === true) return 'all';
    const list = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) return undefined;
    try {
      parseNondistributableRegistries(list);
      return list;
    } catch {
      return undefined;
    }
  },
};
