import type { Descriptor } from '@slipway/manifest';

/** Of a layer in a manifest made here: the descriptor its archive had for it (`LayerSources`), as JSON. */
const annotation = 'dev.slipway.layer.source';

/** Notes what an archive said of a layer, so that nothing is lost: where a foreign layer came from, above all. */
export function keepLayerSource(stored: Descriptor, source: Descriptor | undefined): Descriptor {
  if (!source) return stored;
  return { ...stored, annotations: { [annotation]: JSON.stringify(source) } };
}

/** What the archive said of the layer. For one it said nothing of, what is known since it was loaded. */
export function layerSourceOf(stored: Descriptor): Descriptor {
  const { annotations = {}, ...descriptor } = stored;
  const { [annotation]: source } = annotations;
  return source === undefined ? descriptor : (JSON.parse(source) as Descriptor);
}
