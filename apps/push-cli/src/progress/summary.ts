import { formatByteSize } from '@slipway/client/options';
import type { Environment } from '../environment.ts';
import { formatDuration } from '../terminal/duration.ts';
import { bytesSentOf, type ProgressState } from './progress-state.ts';

/** The closing line: `Sent 12.3 MB (3 blobs) · 2 mounted · 4 already there, 250 MB saved · 3.4 s`. */
export function summaryLine(
  state: ProgressState,
  nowMs: number,
  { hasUnicode }: Pick<Environment, 'hasUnicode'>,
): string {
  const { existed, mounted, skipped, unchanged, savedBytes } = state.outcomes;
  const isPlan = [...state.blobs.values()].some(({ phase }) => phase === 'planned');
  const there = [
    mounted > 0 ? `${mounted} ${isPlan ? 'to mount' : 'mounted'}` : '',
    existed > 0 ? `${existed} already there` : '',
    skipped > 0 ? `${skipped} foreign skipped` : '',
    unchanged > 0 ? `${unchanged} ${unchanged === 1 ? 'tag' : 'tags'} unchanged` : '',
  ].filter(Boolean);
  const parts = [
    sentText(state),
    ...there,
    savedBytes > 0 ? `${formatByteSize(savedBytes)} saved` : '',
    formatDuration(nowMs - state.startedAtMs),
  ];
  return parts.filter(Boolean).join(hasUnicode ? ' · ' : ' - ');
}

function sentText(state: ProgressState): string {
  const { pushed, toUpload, toUploadBytes } = state.outcomes;
  if (toUpload > 0) return `Would send ${formatByteSize(toUploadBytes)} (${count(toUpload)})`;
  return pushed === 0 ? 'Nothing to send' : `Sent ${formatByteSize(bytesSentOf(state))} (${count(pushed)})`;
}

function count(blobs: number): string {
  return `${blobs} ${blobs === 1 ? 'blob' : 'blobs'}`;
}
