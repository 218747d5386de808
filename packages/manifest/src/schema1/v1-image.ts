import { type Digest, encodedOf } from '@slipway/digest';
import { chainIDs } from '../chain-id.ts';
import { encodeGoJSON } from '../go-json.ts';
import { parseImageConfig } from '../image-config.ts';
import { encodeSorted, readRawMembers } from './raw-members.ts';

/** One image of a v1 registry: a layer with a config of its own. */
export interface V1Image {
  /** 64 hex digits. */
  readonly id: string;
  readonly parent: string | undefined;
  /** The `json` file to the byte. */
  readonly json: Uint8Array;
  /** Undefined for an image without layers: its layer is {@link emptyLayer}'s content. */
  readonly diffID: Digest | undefined;
}

/**
 * The images that a v1 registry keeps of a modern one, base first: each lower layer under its chainID, the top under
 * the image ID. History plays no part.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`
 * @see https://github.com/moby/moby/blob/v1.12.6/distribution/push_v1.go#L108-L245
 */
export function v1ImagesOf(config: Uint8Array, imageID: Digest): readonly V1Image[] {
  const { diff_ids: diffIDs } = parseImageConfig(config).rootfs;
  const encoder = new TextEncoder();
  const images: V1Image[] = [];
  for (const [at, chainID] of chainIDs(diffIDs).slice(0, -1).entries()) {
    const id = encodedOf(chainID);
    const parent = images.at(-1)?.id;
    images.push({ id, parent, json: encoder.encode(encodeGoJSON({ id, parent })), diffID: diffIDs[at] });
  }
  const id = encodedOf(imageID);
  const parent = images.at(-1)?.id;
  const json = encoder.encode(v1ConfigOf(config, { id, parent, onlyV1Fields: true }));
  return [...images, { id, parent, json, diffID: diffIDs.at(-1) }];
}

export interface V1ConfigOptions {
  readonly id: string;
  readonly parent?: string | undefined;
  /** The step made no layer. */
  readonly throwaway?: boolean | undefined;
  /** Leaves out what v1 images never had: the engine does so for v1 registries, not for schema 1. */
  readonly onlyV1Fields?: boolean | undefined;
}

/** A modern config as a v1 image has it: its own members in the order of their keys, without rootfs and history. */
export function v1ConfigOf(config: Uint8Array, { id, parent, throwaway, onlyV1Fields }: V1ConfigOptions): string {
  const members: Record<string, unknown> = { ...readRawMembers('image config', config) };
  const dropped = ['rootfs', 'history', ...(onlyV1Fields ? ['os.version', 'os.features'] : [])];
  for (const key of dropped) delete members[key];
  members['id'] = id;
  if (parent) members['parent'] = parent;
  if (throwaway) members['throwaway'] = true;
  return encodeSorted(members);
}
