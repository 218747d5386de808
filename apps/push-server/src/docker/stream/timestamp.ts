import { RequestError } from '../../errors.ts';

const unitNs: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/**
 * Nanoseconds since 1970 of what docker's clients call a time: `1700000000`, `1700000000.000000001`, an RFC 3339 time,
 * or a duration back from now (`10m`, `1h30m`).
 *
 * @throws {RequestError} 400
 */
export function parseTimestamp(text: string, nowMs: number): bigint {
  const [, seconds, fraction = ''] = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds !== undefined) return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length > 0 && parts.map(([whole]) => whole).join('') === text) {
    const back = parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitNs[unit] ?? 0), 0);
    if (back < 1e18) return BigInt(nowMs) * 1_000_000n - BigInt(Math.round(back));
  }
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date))
    throw new RequestError(400, `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return BigInt(date) * 1_000_000n;
}
