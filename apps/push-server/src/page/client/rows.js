// What the rows of a push say: a row is a blob on its way to one repository, or a manifest.
import { bytes, duration, plural } from './format.js';

const words = {
  checking: 'asks the registry',
  waiting: 'waits for its turn',
  reading: 'compresses',
  sending: 'is sent',
  retrying: 'waits to retry',
  existed: 'was there already',
  mounted: 'mounted',
  pushed: 'pushed',
  skipped: 'left out: a foreign layer',
  unchanged: 'unchanged',
};

/** Sent, and the registry has not said yet that it has it. */
export const isUnconfirmed = ({ phase, done, total }) => phase === 'sending' && total > 0 && done >= total;

export function rowText(row) {
  const { phase, outcome, done, total, note } = row;
  if (phase === 'done') {
    const size = total > 0 && outcome !== 'skipped' ? `, ${bytes(total)}` : '';
    return `${words[outcome]}${outcome === 'mounted' && note !== undefined ? ` ${note}` : ''}${size}`;
  }
  if (isUnconfirmed(row)) return `${bytes(total)} sent, not confirmed yet`;
  if (phase === 'reading' || phase === 'sending') {
    const how = phase === 'reading' ? 'compresses ' : '';
    return `${how}${bytes(done)}${total > 0 ? ` of ${bytes(total)}` : ''}`;
  }
  return note ?? words[phase];
}

/** `2 being sent, 3 wait, 7 done`. */
export function foldedText(rows) {
  const count = (...phases) => rows.filter(({ phase }) => phases.includes(phase)).length;
  const parts = [
    [count('sending'), 'being sent'],
    [count('reading'), 'being compressed'],
    [count('retrying'), 'to be tried again'],
    [count('checking', 'waiting'), count('checking', 'waiting') === 1 ? 'waits' : 'wait'],
    [count('done'), 'done'],
  ];
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, what]) => `${amount} ${what}`)
    .join(', ');
}

/**
 * How far a push is. Sizes of blobs that nobody has read are not known: they are taken as large as the others.
 *
 * @returns part from 0 to 1, bytes that are left, and whether that is a guess
 */
export function progressOf(rows) {
  const blobs = rows.filter(({ role }) => role !== 'manifest');
  const known = blobs.filter(({ total }) => total > 0);
  const unknown = blobs.filter(({ total, phase }) => total === 0 && phase !== 'done').length;
  const average = known.length === 0 ? 0 : known.reduce((sum, { total }) => sum + total, 0) / known.length;
  const total = known.reduce((sum, row) => sum + row.total, 0) + unknown * average;
  // Compression is the way to be sent: half of it.
  const doneOf = ({ phase, done, total: size }) =>
    phase === 'reading' ? Math.min(done, size) / 2 : Math.min(done, size);
  const done = known.reduce((sum, row) => sum + doneOf(row), 0);
  return {
    blobs: blobs.length,
    doneBlobs: blobs.filter(({ phase }) => phase === 'done').length,
    part: total === 0 ? 0 : done / total,
    leftBytes: total - done,
    isGuess: unknown > 0 || known.some(({ phase }) => phase === 'reading'),
  };
}

/** A row's time in words: what it did how long, and what it waited for. */
export function story(row, labels) {
  const texts = row.spans.map(({ phase, from, to, after }) => {
    const time = duration(to - from);
    switch (phase) {
      case 'checking':
        return `asked for ${time}`;
      case 'waiting':
        return `waited ${time}${after === undefined ? '' : ` until ${labels.get(after) ?? 'another'} was done`}`;
      case 'reading':
        return `compressed for ${time}`;
      case 'sending':
        return `sent in ${time}`;
      default:
        return `waited ${time} to retry`;
    }
  });
  return [...texts, row.outcome === undefined ? undefined : rowText(row)]
    .filter((text) => text !== undefined)
    .join(', ');
}

export function labelOf({ label, role }) {
  return `${role === 'manifest' ? 'manifest ' : ''}${label}`;
}

export function destinationsText(destinations) {
  if (destinations.length <= 2) return destinations.join(', ');
  return `${destinations[0]} and ${plural(destinations.length - 1, 'other')}`;
}
