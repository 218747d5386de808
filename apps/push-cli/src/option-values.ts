import { type Platform, parsePlatform } from '@slipway/manifest';
import { InvalidArgumentError } from 'commander';
import { parseByteSize } from './byte-size.ts';

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

/** `os/architecture[/variant]`, as docker writes it: `linux/arm64`, `linux/arm/v7`. */
export function platform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch {
    throw new InvalidArgumentError('Expected os/architecture[/variant], such as linux/arm64');
  }
}
