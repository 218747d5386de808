import type { Digest } from '@slipway/digest';
import { InvalidManifestError } from '../errors.ts';
import { readDocument, readOptionalObject, readOptionalString, readOptionalStrings } from '../fields.ts';
import { goTime } from './go-time.ts';
import { encodeSorted, readRawMembers } from './raw-members.ts';

/** What a config of today is made from. */
export interface ConfigFromV1Options {
  /** The `json` files of the chain, base first. */
  readonly chain: readonly Uint8Array[];
  /** Of the layers, base first, one per image of the chain; undefined for a step that made none. */
  readonly diffIDs: readonly (Digest | undefined)[];
}

/**
 * The modern config of an image of before Docker 1.10, as `docker load` makes it: the top image's `json` without what
 * only v1 had, with the rootfs and history of the whole chain.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`
 * @see https://github.com/moby/moby/blob/v25.0.0/image/v1/imagev1.go#L22-L97
 */
export function configFromV1({ chain, diffIDs }: ConfigFromV1Options): Uint8Array {
  const top = chain.at(-1);
  if (top === undefined || chain.length !== diffIDs.length) {
    throw new InvalidManifestError('v1 image', '', 'expected one layer per image of the chain');
  }
  const members: Record<string, unknown> = { ...readRawMembers('v1 image', top) };
  for (const key of ['id', 'parent', 'Size', 'parent_id', 'layer_id', 'throwaway']) delete members[key];
  members['rootfs'] = { type: 'layers', diff_ids: diffIDs.filter((diffID) => diffID !== undefined) };
  members['history'] = chain.map((json, at) => historyOf(json, diffIDs[at] === undefined));
  return new TextEncoder().encode(encodeSorted(members));
}

function historyOf(json: Uint8Array, isEmpty: boolean): Readonly<Record<string, unknown>> {
  const fields = readDocument('v1 image', json);
  const created = goTime(readOptionalString(fields, 'created'));
  if (created === undefined) throw new InvalidManifestError('v1 image', 'created', 'expected a time in RFC 3339');
  const container = readOptionalObject(fields, 'container_config');
  const command = container && readOptionalStrings(container, 'Cmd');
  return {
    created,
    author: readOptionalString(fields, 'author') || undefined,
    created_by: command?.join(' ') || undefined,
    comment: readOptionalString(fields, 'comment') || undefined,
    empty_layer: isEmpty || undefined,
  };
}
