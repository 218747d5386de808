import { assertArgument, aText, listOf, someBytes } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import { InvalidManifestError } from './errors.ts';
import { parseImageConfig } from './image-config.ts';

/** The member with its list: digests need no escapes, so that nothing else looks like it. */
const member = /"diff_ids"\s*:\s*\[[^\]]*\]/g;

/**
 * A config with other diffIDs, every other byte as it was.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` where the list cannot be told from others, or is of another
 * length
 */
export function withDiffIDs(config: Uint8Array, diffIDs: readonly Digest[]): Uint8Array {
  assertArgument('config', config, someBytes);
  assertArgument('diffIDs', diffIDs, listOf(aText));
  const maxSize = config.byteLength;
  const own = parseImageConfig(config, { maxSize }).rootfs.diff_ids;
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(config);
  const places = [...text.matchAll(member)].filter(([found]) => isList(found, own));
  const [place] = places;
  if (place === undefined || places.length > 1 || own.length !== diffIDs.length) {
    const why = `expected one list of ${diffIDs.length} diffIDs, got ${places.length} of ${own.length}`;
    throw new InvalidManifestError('image config', 'rootfs.diff_ids', why);
  }
  const [found] = place;
  let at = 0;
  const list = found.slice(found.indexOf('[')).replace(/"[^"]*"/g, () => JSON.stringify(diffIDs[at++]));
  const before = text.slice(0, place.index) + found.slice(0, found.indexOf('['));
  return new TextEncoder().encode(before + list + text.slice(place.index + found.length));
}

function isList(found: string, own: readonly Digest[]): boolean {
  const list = JSON.parse(found.slice(found.indexOf('['))) as readonly unknown[];
  return list.length === own.length && list.every((digest, at) => digest === own[at]);
}
