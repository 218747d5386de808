import { type ParsedManifest, parseManifest } from '@slipway/manifest';
import type { Manifest } from './plan-types.ts';

/** A document that the source has read, or that was built here: whether it is too long was decided there. */
export function rereadManifest({ bytes, mediaType }: Pick<Manifest, 'bytes' | 'mediaType'>): ParsedManifest {
  // Sizes come from the blobs.
  return parseManifest(bytes, mediaType, { sizeOf: () => 0, maxSize: bytes.byteLength });
}
