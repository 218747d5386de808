import { type Compression, type Digest, digestBytes } from '@slipway/digest';
import type { SourceLayer } from '@slipway/image-source';
import type { LayerKind } from '../push.ts';
import type { PlanContext } from './plan-types.ts';

/** How the bytes of each kind are compressed, as media types tell it. */
const compressions: Readonly<Record<LayerKind, Compression>> = { none: 'none', gzip: 'gzip', zstd: 'zstd' };

export function compressionOf(kind: LayerKind): Compression {
  return compressions[kind];
}

/** What a layer is in the source. */
export function kindOf({ compression }: SourceLayer): LayerKind {
  return compression;
}

/** Whether a layer is made here, or goes as it lies in the source. Plain bytes are the same, however often they are made. */
export function isMade(
  layer: SourceLayer,
  wanted: LayerKind,
  { recompress }: Pick<PlanContext, 'recompress'>,
): boolean {
  return kindOf(layer) !== wanted || (recompress && wanted !== 'none');
}

/**
 * What stands for a layer in one form, where its digest is not known yet: the diffID for gzip, as with Docker; else a
 * digest that nothing else has. An uncompressed layer's own digest *is* its diffID (decision 0016).
 */
export function formKey({ diffID }: Pick<SourceLayer, 'diffID'>, kind: LayerKind): Digest {
  if (kind === 'gzip') return diffID;
  return digestBytes(new TextEncoder().encode(`${kind === 'none' ? 'uncompressed' : kind} ${diffID}`));
}
