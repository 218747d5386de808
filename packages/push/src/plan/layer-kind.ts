import { type Compression, type Digest, digestBytes, type ReadableCompression } from '@slipway/digest';
import type { SourceLayer } from '@slipway/image-source';
import type { LayerKind } from '../push.ts';
import type { PlanContext } from './plan-types.ts';

/** How the bytes of each kind are compressed, as media types tell it. */
const compressions: Readonly<Record<LayerKind, Compression>> = {
  none: 'none',
  gzip: 'gzip',
  zstd: 'zstd',
  'zstd:chunked': 'zstd',
  estargz: 'gzip',
};

/** The annotations of a layer that say what it has beside its compression; what is in it is not looked at. */
const tables: Readonly<Record<string, LayerKind>> = {
  'io.github.containers.zstd-chunked.manifest-checksum': 'zstd:chunked',
  'containerd.io/snapshot/stargz/toc.digest': 'estargz',
};

/** What a layer may be in a source: also of a kind that is only ever taken as it is. */
export type StoredKind = LayerKind | ReadableCompression;

export function compressionOf(kind: LayerKind): Compression;
export function compressionOf(kind: StoredKind): ReadableCompression;
export function compressionOf(kind: StoredKind): ReadableCompression {
  return isUnmade(kind) ? kind : compressions[kind];
}

/** Whether layers of a kind are read, and never made here: they have no media type of their own. */
export function isUnmade(kind: StoredKind): kind is 'xz' | 'bzip2' {
  return kind === 'xz' || kind === 'bzip2';
}

/** Whether layers of a kind have a table of contents, which an annotation in the manifest has to name. */
export function hasTable(kind: StoredKind): boolean {
  return !isUnmade(kind) && Object.values(tables).includes(kind);
}

/** What a layer is in the source. */
export function kindOf({ compression, descriptor }: SourceLayer): StoredKind {
  const table = Object.keys(tables).find((key) => descriptor?.annotations?.[key] !== undefined);
  const kind = table === undefined ? undefined : tables[table];
  return kind !== undefined && compressionOf(kind) === compression ? kind : compression;
}

/** Whether layers of a kind serve where another is wanted: those with a table are gzip and zstd as well. */
export function serves(kind: StoredKind, wanted: StoredKind): boolean {
  return kind === wanted || compressionOf(kind) === wanted;
}

/**
 * Whether a layer is made here, or goes as it lies in the source. Plain bytes are the same, however often they are
 * made.
 */
export function isMade(
  layer: SourceLayer,
  wanted: StoredKind,
  { recompress }: Pick<PlanContext, 'recompress'>,
): wanted is LayerKind {
  return !serves(kindOf(layer), wanted) || (recompress && wanted !== 'none');
}

/**
 * What stands for a layer in one form, where its digest is not known yet: the diffID for gzip, as with Docker; else a
 * digest that nothing else has. An uncompressed layer's own digest *is* its diffID (decision 0016).
 */
export function formKey({ diffID }: Pick<SourceLayer, 'diffID'>, kind: StoredKind): Digest {
  if (kind === 'gzip') return diffID;
  return digestBytes(new TextEncoder().encode(`${kind === 'none' ? 'uncompressed' : kind} ${diffID}`));
}
