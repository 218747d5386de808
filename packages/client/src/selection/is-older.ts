import type { SourceItem } from '@slipway/image-source';

/** Whether the newest of these images was made before a time. Those that do not say when are not. */
export function isOlder(items: readonly SourceItem[], time: Date): boolean {
  const times = items.flatMap(timesOf);
  return times.length > 0 && Math.max(...times) < time.getTime();
}

function timesOf(item: SourceItem): readonly number[] {
  if (item.kind === 'index') return item.children.flatMap((child) => timesOf(child.item));
  if (item.kind === 'artifact') return [];
  const { created } = JSON.parse(new TextDecoder().decode(item.config.bytes)) as { readonly created?: unknown };
  const made = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return Number.isNaN(made) ? [] : [made];
}
