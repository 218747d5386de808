import type { PathFilter } from './layer-options.ts';

/** Which paths of a folder go into a layer. */
export interface Selection {
  /** Whether the path itself is wanted. */
  readonly includes: (path: string) => boolean;
  /** Whether neither it nor anything below it is. */
  readonly excludes: (path: string) => boolean;
}

/** Both filters as functions. The library for patterns is loaded only where there are some. */
export async function selectionOf(
  include: PathFilter | undefined,
  exclude: PathFilter | undefined,
): Promise<Selection> {
  return {
    includes: include === undefined ? () => true : await matcherOf(include),
    excludes: exclude === undefined ? () => false : await matcherOf(exclude),
  };
}

async function matcherOf(filter: PathFilter): Promise<(path: string) => boolean> {
  if (typeof filter === 'function') return filter;
  const { default: picomatch } = await import('picomatch');
  const patterns = filter.map((pattern) => pattern.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, ''));
  return picomatch([...patterns], { dot: true, nonegate: true });
}
