import { algorithmOf, type Compression, type Content, type Digest, decompress } from '@slipway/digest';
import type { SourceLayer } from '@slipway/image-source';
import type { BlobForm } from '../form/form.ts';
import { type LayerCheck, plainLayerCheck } from '../form/layer-check.ts';
import { MadeForm } from '../form/made-form.ts';
import { StoredForm } from '../form/stored-form.ts';
import { UnpackCheck } from '../form/unpack-check.ts';
import type { PlanContext } from './plan-types.ts';

/** How a layer that goes as it lies in the source is compared with its diffID. One without a digest of its own always is. */
export function layerCheck(
  { diffID, compression }: Pick<SourceLayer, 'diffID' | 'compression'>,
  { size }: Content,
  digest: Digest | undefined,
  { verify, proofs, signal }: PlanContext,
): LayerCheck | undefined {
  const algorithm = digest === undefined ? 'sha256' : algorithmOf(digest);
  if (compression === 'none' && algorithm === algorithmOf(diffID)) return plainLayerCheck(diffID);
  if (digest !== undefined && verify === 'digest') return undefined;
  return new UnpackCheck({ diffID, compression, size, proofs, signal });
}

/** The form in which a layer goes: as it lies in the source, or compressed here. Shared by all destinations. */
export function layerForm(layer: SourceLayer, content: Content, wanted: Compression, context: PlanContext): BlobForm {
  if (layer.compression === wanted) {
    const { descriptor, diffID } = layer;
    const named = descriptor?.size === content.size ? descriptor : undefined;
    return context.form(`stored ${diffID} ${named?.digest}`, () => {
      const { gate, signal } = context;
      const identity = named && { digest: named.digest, size: named.size };
      const check = layerCheck(layer, content, named?.digest, context);
      return new StoredForm(content, { identity, check, gate, signal });
    });
  }
  if (wanted === 'none') throw new Error('unreachable: nothing asks for uncompressed layers');
  const compressor = context.compressor(wanted);
  return context.form(
    `made ${layer.diffID} ${compressor.recipe}`,
    () =>
      new MadeForm({
        diffID: layer.diffID,
        openPlain: (options) =>
          layer.compression === 'none'
            ? content.open(options)
            : decompress(content.open({ signal: options.signal }), layer.compression, options),
        plain: layer.compression === 'none' ? content : undefined,
        readTotal: content.size,
        compressor,
        cache: context.cache,
        gate: context.gate,
        signal: context.signal,
      }),
  );
}
