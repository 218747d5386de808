import { formatByteSize } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { displayWidth } from '../terminal/display-width.ts';
import type { InspectedItem } from './inspection.ts';
import type { RepositoryTags } from './repository-tags.ts';

/** Tags that fit into a table that people read; JSON has all that were listed. */
const shownTags = 20;

/** The lines `slipway inspect` prints for people. */
export function inspectionLines(
  name: string,
  kind: string,
  items: readonly InspectedItem[],
  tags?: RepositoryTags,
): readonly string[] {
  const count = `${items.length} ${items.length === 1 ? 'item' : 'items'}`;
  return [
    `${printable(name)} (${kind}, ${count})`,
    ...items.flatMap((item) => ['', ...itemLines(item, '')]),
    ...(tags === undefined ? [] : ['', printable(tagsLine(tags))]),
  ];
}

function tagsLine({ tags, moreTags }: RepositoryTags): string {
  const rest = moreTags ? ' and more' : tags.length > shownTags ? ` and ${tags.length - shownTags} more` : '';
  return `tags of the repository: ${tags.length === 0 ? 'none' : tags.slice(0, shownTags).join(', ')}${rest}`;
}

function itemLines(item: InspectedItem, indent: string): readonly string[] {
  const { names, platform, digest, mediaType, config, layers, blobs, missing, children, referrers } = item;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['names', names.length === 0 ? undefined : names.join(', ')],
    ['platform', platform],
    ['config', config?.digest],
    ['manifest', digest],
    ['type', mediaType],
    ['artifact', item.artifactType],
    ['subject', item.subject],
    ['created', item.created],
    ...Object.entries(item.annotations ?? {}).map(([key, value]) => ['annotation', `${key}=${value}`] as const),
    ...Object.entries(item.labels ?? {}).map(([key, value]) => ['label', `${key}=${value}`] as const),
    ['missing', missing?.length ? missing.join(', ') : undefined],
  ];
  const lines = [
    `${item.kind} ${names[0] ?? platform ?? digest ?? config?.digest ?? ''}`.trimEnd(),
    ...fields.flatMap(([label, value]) => (value === undefined ? [] : [`  ${label.padEnd(10)} ${value}`])),
  ];
  if (layers !== undefined) {
    const total = layers.reduce((sum, { size = 0 }) => sum + size, 0);
    lines.push(`  layers     ${layers.length}, ${formatByteSize(total)}`);
    const rows = layers.map(({ diffID, size, compression, mediaType: type }) => [
      diffID,
      size === undefined ? '-' : formatByteSize(size),
      compression,
      type ?? '',
    ]);
    lines.push(...table([['DIFF ID', 'SIZE', 'COMPRESSION', 'MEDIA TYPE'], ...rows]).map((row) => `    ${row}`));
  }
  if (blobs !== undefined) {
    const rows = blobs.map((blob) => [blob.digest, formatByteSize(blob.size), blob.mediaType, blob.title ?? '']);
    const title = blobs.some((blob) => blob.title !== undefined) ? ['TITLE'] : [];
    lines.push(...table([['DIGEST', 'SIZE', 'MEDIA TYPE', ...title], ...rows]).map((row) => `    ${row}`));
  }
  for (const child of children ?? []) lines.push(...itemLines(child, '  '));
  if (referrers !== undefined) lines.push(`  referrers  ${referrers.length}`);
  for (const referrer of referrers ?? []) lines.push(...itemLines(referrer, '    '));
  return lines.map((line) => indent + printable(line));
}

/** Columns as wide as their widest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? '')))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd(),
  );
}
