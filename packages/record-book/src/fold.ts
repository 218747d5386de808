import { isWhole, nameOffset, type RecordLine, timeOf } from './record-line.ts';

/** How much a book may hold. */
export interface BookLimits {
  /** Records of a namespace. */
  readonly maxEntries: number;
  /** Bytes of all records. */
  readonly maxBytes: number;
}

/**
 * Makes the lines of a new book of those of one and of the records that came after it. Damaged lines are left out; of
 * what is too much, the oldest goes.
 */
export function foldRecords(
  lines: Iterable<Buffer>,
  newer: ReadonlyMap<string, RecordLine>,
  limits: BookLimits,
): readonly Buffer[] {
  return newest([...mergedLines(lines, newer)], limits);
}

/** Lines of both in order of their names, a newer one in the place of the older; none for what was deleted. */
function* mergedLines(lines: Iterable<Buffer>, newer: ReadonlyMap<string, RecordLine>): Generator<Buffer, void, void> {
  const changes = Array.from(newer.values(), (line) => ({ line, name: Buffer.from(`${line.name}\t`) }));
  changes.sort((a, b) => a.name.compare(b.name));
  let at = 0;
  let previous: Buffer | undefined;
  for (const line of lines) {
    if (!isWhole(line.subarray(0, -1))) continue;
    let change = changes[at];
    while (change !== undefined && compareName(change.name, line) < 0) {
      if (change.line.value !== undefined) yield change.line.bytes;
      at += 1;
      change = changes[at];
    }
    const isReplaced = change !== undefined && compareName(change.name, line) === 0;
    const isInOrder = previous === undefined || comesAfter(line, previous); // else the file is damaged
    if (isReplaced || !isInOrder) continue;
    previous = line;
    yield line;
  }
  for (const { line } of changes.slice(at)) if (line.value !== undefined) yield line.bytes;
}

/** The lines that stay within the limits, in their order. */
function newest(lines: readonly Buffer[], { maxEntries, maxBytes }: BookLimits): readonly Buffer[] {
  const bytes = lines.reduce((sum, line) => sum + line.length, 0);
  if (lines.length <= maxEntries && bytes <= maxBytes) return lines;
  const left = new Map<string, number>();
  let room = maxBytes;
  const kept = new Set<Buffer>();
  const byAge = lines.map((line) => ({ line, time: timeOf(line) })).sort((a, b) => b.time - a.time);
  for (const { line } of byAge) {
    const namespace = line.toString('latin1', nameOffset, line.indexOf(' ', nameOffset));
    const entries = left.get(namespace) ?? maxEntries;
    room -= line.length;
    if (room < 0) break;
    if (entries > 0) kept.add(line);
    left.set(namespace, entries - 1);
  }
  return lines.filter((line) => kept.has(line));
}

/** Compares a name and its tab with those of a line. */
function compareName(name: Buffer, line: Buffer): number {
  return name.compare(line, nameOffset, Math.min(nameOffset + name.length, line.length));
}

function comesAfter(line: Buffer, previous: Buffer): boolean {
  const end = previous.indexOf('\t', nameOffset) + 1;
  return compareName(previous.subarray(nameOffset, end), line) < 0;
}
