import { humanSize } from './human-size.ts';

/**
 * The bar and the sizes that docker's daemon puts into `progress`; undefined when nothing is known.
 *
 * @see https://github.com/moby/moby/blob/v28.5.2/pkg/jsonmessage/jsonmessage.go#L55-L122
 */
export function progressText(current: number, total: number): string | undefined {
  if (current <= 0 && total <= 0) return undefined;
  const done = humanSize(current).padStart(8);
  if (total <= 0) return done;
  const half = Math.min(50, Math.floor(Math.trunc((current / total) * 100) / 2));
  const bar = `[${'='.repeat(half)}>${' '.repeat(50 - half)}] `;
  return current > total ? bar + done : `${bar}${done}/${humanSize(total)}`;
}
