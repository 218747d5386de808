import { aString, assertMembers, someBytes } from '@slipway/arguments';
import type { EncodedManifest } from './build-manifest.ts';
import { type ParsedManifest, parseManifest } from './parse-manifest.ts';

/**
 * Parses a document that was read before, or built here: whether it is too long was decided there, and sizes that it
 * leaves out are 0, as those of the blobs count.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when it is none; `path` says where.
 */
export function rereadManifest(document: Pick<EncodedManifest, 'bytes' | 'mediaType'>): ParsedManifest {
  assertMembers('document', document, { required: { bytes: someBytes, mediaType: aString } });
  const { bytes, mediaType } = document;
  return parseManifest(bytes, mediaType, { sizeOf: () => 0, maxSize: bytes.byteLength });
}
