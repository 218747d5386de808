import { type Platform, parsePlatform } from '@slipway/manifest';
import type { LayerKind, PushCompression } from '@slipway/push';
import { InvalidArgumentError } from 'commander';
import { parseByteSize } from './byte-size.ts';
import { choices } from './choices.ts';

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}`);
  };
}

/** Bytes a second: `500k`, `2MiB`. */
export function byteRate(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes < 1000) {
    throw new InvalidArgumentError('Expected 1k bytes a second or more, such as 500k, 2MB or 2MiB');
  }
  return bytes;
}

/** Milliseconds from a stretch of time: `90` seconds, `90s`, `1.5m`, `500ms`. */
export function duration(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(number) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? Number.NaN));
  if (milliseconds >= 1 && milliseconds <= 86_400_000) return milliseconds;
  throw new InvalidArgumentError('Expected a time from 1ms to 24h, such as 90, 90s or 2m');
}

const unitMs: Readonly<Record<string, number>> = Object.freeze({ h: 3_600_000, d: 86_400_000, w: 604_800_000 });

/** A point in time: `2026-01-31`, in RFC 3339, or so long ago: `12h`, `30d`, `8w`. */
export function pointInTime(text: string, now: number = Date.now()): Date {
  const [, count, unit = ''] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : now - Number(count) * (unitMs[unit] ?? Number.NaN);
  const isTime = count !== undefined || /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  if (isTime && !Number.isNaN(time)) return new Date(time);
  throw new InvalidArgumentError('Expected a date such as 2026-01-31, or an age such as 12h, 30d or 8w');
}

/** `os/architecture[/variant]`, as docker writes it: `linux/arm64`, `linux/arm/v7`. */
export function platform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch {
    throw new InvalidArgumentError('Expected os/architecture[/variant], such as linux/arm64');
  }
}

/** One form of layers, or several with commas between: `zstd`, `gzip,zstd`. */
export function compression(text: string): PushCompression | readonly LayerKind[] {
  const kinds = text.split(',') as PushCompression[];
  const odd = kinds.find((kind) => !choices.compression.includes(kind));
  if (odd !== undefined) {
    throw new InvalidArgumentError(`${JSON.stringify(odd)} is none of ${choices.compression.join(', ')}`);
  }
  const [only = 'keep'] = kinds;
  if (kinds.length === 1) return only;
  if (kinds.includes('keep')) throw new InvalidArgumentError('keep stands alone');
  return kinds as LayerKind[];
}
