import type { AbortOptions, Digest } from '@slipway/digest';
import { type ByteStream, type Content, contentOf, decompress, digestStream } from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { emptyLayer, v1ImagesOf } from '@slipway/manifest/schema1';
import { PushError } from '../errors.ts';
import type { ImagePlan, ItemPlan } from '../plan/plan-types.ts';

/** One image of a chain on its way to a registry of old. */
export interface ChainImage {
  readonly id: string;
  readonly json: Uint8Array;
  readonly diffID: Digest;
  /** The layer as the source has it. */
  readonly stored: Content;
  readonly compression: SourceLayer['compression'];
}

/** Registries of old know images, and neither indexes nor artifacts. @throws {PushError} `ERR_PUSH_FORMAT` */
export function assertImagePlan(plan: ItemPlan): asserts plan is ImagePlan {
  if (plan.kind === 'image') return;
  throw new PushError(
    'ERR_PUSH_FORMAT',
    `Could not plan the ${plan.kind}: registries of that age take single images only`,
    {
      op: 'plan',
      origin: 'request',
      hint: plan.kind === 'index' ? 'choose one with `platform`' : undefined,
    },
  );
}

/** The image as a chain, base first: the one it was saved with, or one made of its layers. */
export function chainOf(image: SourceImage): readonly ChainImage[] {
  if (image.chain !== undefined) {
    return image.chain.map(({ id, json, layer }) => ({ id, json, ...carried(layer) }));
  }
  const layers = image.layers.map(carried);
  return v1ImagesOf(image.config.bytes, image.config.digest).map(({ id, json }, at) => {
    return { id, json, ...(layers[at] ?? emptyContent) };
  });
}

const emptyContent: Pick<ChainImage, 'diffID' | 'stored' | 'compression'> = {
  diffID: emptyLayer.diffID,
  stored: contentOf(emptyLayer.bytes),
  compression: 'gzip',
};

function carried({ diffID, content, compression }: SourceLayer): Pick<ChainImage, 'diffID' | 'stored' | 'compression'> {
  if (content !== undefined) return { diffID, stored: content, compression };
  throw new PushError(
    'ERR_PUSH_FORMAT',
    `Could not plan layer ${diffID}: the source does not carry this foreign layer`,
    {
      op: 'plan',
      origin: 'request',
      hint: 'registries of that age have no foreign layers',
    },
  );
}

/** The layer's tar, decompressed. */
export function openPlain({ stored, compression }: ChainImage, options: AbortOptions = {}): ByteStream {
  return decompress(stored.open(options), compression, { signal: options.signal });
}

/** The layer's tar as content of a known size; a compressed one is read through once to learn it. */
export async function plainContent(image: ChainImage, { signal }: AbortOptions): Promise<Content> {
  if (image.compression === 'none') return image.stored;
  const { size } = await digestStream(openPlain(image, { signal }), { signal });
  return { size, open: (options) => openPlain(image, options) };
}
