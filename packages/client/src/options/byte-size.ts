const factors: Readonly<Record<string, number>> = Object.freeze({
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
});

/**
 * Reads an amount of bytes as people type it: `500k`, `1.5MB`, `2MiB`, `64`, with or without `B` and `/s`.
 * A bare letter is decimal (`k` = 1000), an `i` makes it binary (`Ki` = 1024). Undefined when it is no amount.
 */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?(?:\/s)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const factor = factors[(match[2] ?? '').toLowerCase()];
  if (factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** An amount of bytes for people, in decimal units and three digits: `0 B`, `12.3 MB`, `120 MB`. */
export function formatByteSize(bytes: number): string {
  if (!Number.isFinite(bytes) || bytes < 0) return '? B';
  let value = Math.round(bytes);
  if (value < 1000) return `${value} B`;
  for (const unit of ['kB', 'MB', 'GB', 'TB', 'PB']) {
    value /= 1000;
    const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    if (value < 999.5 || unit === 'PB') return `${trimZeros(value.toFixed(digits))} ${unit}`;
  }
  return `${value} PB`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
