import { formatByteSize } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { displayWidth, trimToWidth } from '../terminal/display-width.ts';
import { formatSeconds } from '../terminal/duration.ts';
import { type BlobState, expectedSizeOf, isDone, type ProgressState, shareOf } from './progress-state.ts';
import { bytesPerSecond } from './rate-meter.ts';

/** The window that a frame is drawn for. */
export interface FrameOptions {
  readonly columns: number;
  readonly rows: number;
  readonly unicode: boolean;
  readonly colour: boolean;
  readonly nowMs: number;
}

type Style = 'dim' | 'green' | 'yellow' | 'bold';
interface Row {
  readonly text: string;
  readonly style?: Style | undefined;
}

const codes: Readonly<Record<Style, string>> = Object.freeze({ dim: '2', green: '32', yellow: '33', bold: '1' });

/**
 * Draws the state of a push: one line a blob, then a line for the whole. Pure. No line is wider than the window, and
 * there are fewer lines than it has rows; when it is too low, blobs that are finished or have not begun are counted
 * instead of shown.
 */
export function renderFrame(state: ProgressState, options: FrameOptions): readonly string[] {
  const room = Math.max(0, options.rows - 2);
  const rows = [...blobRows(state, room, options), summaryRow(state, options)];
  return rows.map((row) => paint(row, options));
}

function blobRows(state: ProgressState, room: number, options: FrameOptions): readonly Row[] {
  const blobs = [...state.blobs.values()];
  const headed = state.destinations.size > 1;
  const needed = blobs.length + (headed ? state.destinations.size : 0);
  const shown = needed <= room ? blobs : fitting(blobs, room - 1 - (headed ? state.destinations.size : 0));
  const rows: Row[] = [];
  for (const destination of state.destinations) {
    const mine = shown.filter(({ subject }) => subject.destination === destination);
    if (headed && mine.length > 0) rows.push({ text: printable(destination), style: 'bold' });
    for (const blob of mine) rows.push(blobRow(blob, options));
  }
  if (shown.length === blobs.length) return rows.slice(0, room);
  const hidden = blobs.filter((blob) => !shown.includes(blob));
  return [...rows.slice(0, Math.max(0, room - 1)), hiddenRow(hidden, options)].slice(0, room);
}

/** The blobs that matter most on a small screen, in their own order: what moves, what waits, the last that finished. */
function fitting(blobs: readonly BlobState[], room: number): readonly BlobState[] {
  const rank = ({ phase }: BlobState): number =>
    phase === 'sending' || phase === 'storing' || phase === 'retrying' ? 0 : isDone(phase) ? 2 : 1;
  const chosen = blobs
    .map((blob, index) => ({ blob, order: rank(blob) === 2 ? -index : index, rank: rank(blob) }))
    .sort((a, b) => a.rank - b.rank || a.order - b.order)
    .slice(0, Math.max(0, room))
    .map(({ blob }) => blob);
  return blobs.filter((blob) => chosen.includes(blob));
}

function hiddenRow(hidden: readonly BlobState[], { unicode }: FrameOptions): Row {
  const done = hidden.filter(({ phase }) => isDone(phase)).length;
  const parts = [done > 0 ? `${done} done` : '', hidden.length > done ? `${hidden.length - done} to come` : ''];
  return { text: `${unicode ? '…' : '...'} ${parts.filter(Boolean).join(', ')}`, style: 'dim' };
}

function blobRow(blob: BlobState, options: FrameOptions): Row {
  const role = blob.subject.role === 'layer' ? '' : ` ${blob.subject.role}`;
  const label = `${blob.subject.id}${role}`.padEnd(19);
  switch (blob.phase) {
    case 'preparing':
      return { text: `${label} Preparing`, style: 'dim' };
    case 'waiting':
      return { text: `${label} Waiting`, style: 'dim' };
    case 'sending':
      return { text: `${label} ${sendingText(blob, options)}` };
    case 'storing':
      return { text: `${label} ${printable(blob.detail)}` };
    case 'retrying':
      return { text: `${label} ${printable(blob.detail)}`, style: 'yellow' };
    case 'existed':
      return { text: `${label} ${blob.detail || 'Layer already exists'}${sizeText(blob)}`, style: 'green' };
    case 'mounted':
      return { text: `${label} Mounted from ${printable(blob.detail)}${sizeText(blob)}`, style: 'green' };
    case 'pushed':
      return { text: `${label} Pushed${sizeText(blob)}`, style: 'green' };
    case 'skipped':
      return { text: `${label} Skipped foreign layer`, style: 'dim' };
    case 'planned':
      return { text: `${label} Plan: ${printable(blob.detail)}${sizeText(blob)}`, style: 'dim' };
    default:
      return blob.phase satisfies never;
  }
}

function sendingText(blob: BlobState, options: FrameOptions): string {
  const share = shareOf(blob);
  const size = expectedSizeOf(blob);
  const rate = bytesPerSecond(blob.rate, options.nowMs);
  const about = blob.size === undefined && size !== undefined ? '~' : '';
  const amount = `${formatByteSize(blob.sent)}${size === undefined ? '' : ` of ${about}${formatByteSize(size)}`}`;
  const cells = [amount.padEnd(20), rate === undefined ? '' : `${formatByteSize(rate)}/s`.padStart(9)];
  if (rate !== undefined && rate > 0 && size !== undefined)
    cells.push(`${formatSeconds((size - blob.sent) / rate)} left`);
  const percent = share === undefined ? '  ? %' : `${String(percentOf(share)).padStart(3)} %`;
  const text = `${percent}  ${cells.join(' ').trimEnd()}`;
  const width = Math.min(30, options.columns - 1 - 20 - displayWidth(text) - 2);
  return width >= 6 ? `${bar(share ?? 0, width, options.unicode)} ${text}` : text;
}

/** Whole percents; 100 only when it is done. */
export function percentOf(share: number): number {
  return Math.floor(share * 100 + 1e-9);
}

function bar(share: number, width: number, unicode: boolean): string {
  const full = Math.floor(share * width);
  return unicode
    ? '█'.repeat(full) + '░'.repeat(width - full)
    : `[${'#'.repeat(Math.min(full, width - 2))}${'.'.repeat(width - 2 - Math.min(full, width - 2))}]`;
}

function sizeText({ size }: BlobState): string {
  return size === undefined || size === 0 ? '' : `  ${formatByteSize(size)}`;
}

/** `3/7 layers · 120 MB of 300 MB · 24 MB/s · 8 s left` */
function summaryRow(state: ProgressState, options: FrameOptions): Row {
  const waits = [...state.storing.values()].map(
    ({ name, registry, seconds }) => `waiting for ${registry} to store ${name}, ${seconds} s`,
  );
  const text = [progressText(state, options), ...waits].join(options.unicode ? ' · ' : ' - ');
  return { text: printable(text), style: 'bold' };
}

/** The whole push in one line of text; also the heartbeat of plain progress. */
export function progressText(
  state: ProgressState,
  { nowMs, unicode }: Pick<FrameOptions, 'nowMs' | 'unicode'>,
): string {
  const blobs = [...state.blobs.values()];
  const layers = blobs.filter(({ subject }) => subject.role !== 'config');
  const done = layers.filter(({ phase }) => isDone(phase)).length;
  const parts = [
    layers.length === 0 ? 'Starting' : `${done}/${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`,
  ];
  const moving = blobs.filter(({ phase, sent }) => sent > 0 || phase === 'sending');
  const sizes = moving.map(expectedSizeOf);
  const sent = blobs.reduce((sum, blob) => sum + blob.sent, 0);
  const total = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
  if (sent > 0) parts.push(`${formatByteSize(sent)}${total === undefined ? ' sent' : ` of ${formatByteSize(total)}`}`);
  const rate = bytesPerSecond(state.rate, nowMs);
  if (rate !== undefined && done < layers.length) {
    parts.push(`${formatByteSize(rate)}/s`);
    if (total !== undefined && rate > 0) parts.push(`${formatSeconds((total - sent) / rate)} left`);
  }
  if (rate === undefined || done === layers.length) parts.push(formatSeconds((nowMs - state.startedAtMs) / 1000));
  return parts.join(unicode ? ' · ' : ' - ');
}

/** Cuts the row to the window, then colours it, so that colours never count as width. */
function paint({ text, style }: Row, { columns, unicode, colour }: FrameOptions): string {
  const cut = trimToWidth(text, Math.max(1, columns - 1), unicode ? '…' : '...');
  return colour && style !== undefined ? `\u001b[${codes[style]}m${cut}\u001b[0m` : cut;
}
