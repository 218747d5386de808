/** Remembers totals of the last seconds, to tell how fast a counter grows now. */
export interface RateMeter {
  samples: { readonly total: number; readonly atMs: number }[];
}

const windowMs = 5_000;
const spacingMs = 100;

/** Notes a total. One that went back (an upload began again) starts the measurement afresh. */
export function addSample(meter: RateMeter, total: number, atMs: number): void {
  const { samples } = meter;
  const last = samples.at(-1);
  if (last !== undefined && total < last.total) samples.length = 0;
  else if (last !== undefined && samples.length > 1 && atMs - (samples.at(-2)?.atMs ?? 0) < spacingMs) samples.pop();
  samples.push({ total, atMs });
  while (samples.length > 2 && (samples[1]?.atMs ?? atMs) < atMs - windowMs) samples.shift();
}

/**
 * Bytes a second over the last seconds; undefined before there is anything to tell. A counter that stands still slows
 * down to 0.
 */
export function bytesPerSecond({ samples }: RateMeter, nowMs: number): number | undefined {
  const first = samples.find(({ atMs }) => atMs >= nowMs - windowMs) ?? samples.at(-1);
  const last = samples.at(-1);
  if (first === undefined || last === undefined || samples.length < 2) return undefined;
  if (last.atMs < nowMs - windowMs) return 0;
  const elapsedMs = Math.max(last.atMs, nowMs - 1_000) - first.atMs;
  if (elapsedMs < 200) return undefined;
  return ((last.total - first.total) * 1000) / elapsedMs;
}
