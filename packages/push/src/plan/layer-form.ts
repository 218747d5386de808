import { algorithmOf, type Content, type Digest, decompress, exactContent } from '@slipway/digest';
import type { SourceLayer } from '@slipway/image-source';
import type { BlobForm } from '../form/form.ts';
import { type LayerCheck, plainLayerCheck } from '../form/layer-check.ts';
import { MadeForm } from '../form/made-form.ts';
import { StoredForm } from '../form/stored-form.ts';
import { UnpackCheck } from '../form/unpack-check.ts';
import { isMade, isUnmade, type StoredKind } from './layer-kind.ts';
import type { PlanContext } from './plan-types.ts';

/**
 * How a layer that goes as it lies in the source is compared with its diffID. One without a digest of its own always
 * is.
 */
export function layerCheck(
  { diffID, compression }: Pick<SourceLayer, 'diffID' | 'compression'>,
  { size }: Content,
  digest: Digest | undefined,
  { verify, proofs, signal }: PlanContext,
): LayerCheck | undefined {
  const algorithm = digest === undefined ? 'sha256' : algorithmOf(digest);
  if (compression === 'none' && algorithm === algorithmOf(diffID)) return plainLayerCheck(diffID);
  if (digest !== undefined && verify === 'digest') return undefined;
  // Their decoders are slow, and only a layer that a manifest names by its digest goes as it is.
  if (isUnmade(compression)) return undefined;
  return new UnpackCheck({ diffID, compression, size, proofs, signal });
}

/** The form in which a layer goes: as it lies in the source, or compressed here. Shared by all destinations. */
export function layerForm(layer: SourceLayer, given: Content, wanted: StoredKind, context: PlanContext): BlobForm {
  const content = exactContent(given);
  if (!isMade(layer, wanted, context)) {
    const { diffID } = layer;
    const identity = namedIdentity(layer, content);
    return context.form(`stored ${diffID} ${identity?.digest}`, () => {
      const { gate, signal } = context;
      const check = layerCheck(layer, content, identity?.digest, context);
      return new StoredForm(content, { identity, check, gate, signal });
    });
  }
  const compressor = context.compressor(wanted);
  return context.form(
    `made ${layer.diffID} ${compressor.recipe}`,
    () =>
      new MadeForm({
        diffID: layer.diffID,
        openPlain: (options) =>
          layer.compression === 'none'
            ? content.open(options)
            : // What is behind gzip is not in the layer: the plain bytes are compared with the diffID.
              decompress(content.open({ signal: options.signal }), layer.compression, {
                signal: options.signal,
                surplus: 'ignore',
              }),
        plain: layer.compression === 'none' ? content : undefined,
        readTotal: content.size,
        compressor,
        cache: context.cache,
        gate: context.gate,
        recentMemory: context.recentMemory,
        signal: context.signal,
      }),
  );
}

/** What is known of bytes that go as they lie there: by their descriptor, or, of a plain layer, by what it is. */
function namedIdentity(
  { descriptor, diffID, compression }: SourceLayer,
  { size }: Content,
): { readonly digest: Digest; readonly size: number } | undefined {
  if (descriptor?.size === size) return { digest: descriptor.digest, size };
  return compression === 'none' && algorithmOf(diffID) === 'sha256' ? { digest: diffID, size } : undefined;
}
