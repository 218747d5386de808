import {
  type AbortOptions,
  type ByteStream,
  type Content,
  contentOf,
  type Digest,
  decompress,
  digestStream,
  exactContent,
  type OpenOptions,
  verified,
} from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { emptyLayer, v1ImagesOf } from '@slipway/manifest/schema1';
import { PushError } from '../errors.ts';
import { asFormFailure, type FormFailure } from '../form/form-failure.ts';
import { readFailure } from '../form/read-failure.ts';
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
  if (content !== undefined) return { diffID, stored: exactContent(content), compression };
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

/**
 * The plain tar of one image of a chain. What fails in reading it is the source's: to whoever sends it, a body that
 * breaks off looks like a broken connection.
 */
export class PlainLayer {
  readonly #image: ChainImage;
  #failure: FormFailure | undefined;

  constructor(image: ChainImage) {
    this.#image = image;
  }

  /** The tar, compared with its diffID at its end. */
  open({ signal }: AbortOptions = {}): ByteStream {
    const { diffID } = this.#image;
    return this.#watched(verified(this.#unpacked({ signal }), { digest: diffID }), signal);
  }

  /** The tar as content of a known size; a compressed one is read through once to learn it. */
  async content({ signal }: AbortOptions): Promise<Content> {
    const { stored, compression } = this.#image;
    const size = compression === 'none' ? stored.size : (await digestStream(this.open({ signal }), { signal })).size;
    return { size, open: (options = {}) => this.#watched(this.#unpacked(options), options.signal) };
  }

  /** The failure to read, where there was one: `error` is what came of it elsewhere. */
  blame(error: unknown): unknown {
    return this.#failure === undefined ? error : readFailure(`layer ${this.#image.id.slice(0, 12)}`, this.#failure);
  }

  #unpacked(options: OpenOptions): ByteStream {
    const { stored, compression } = this.#image;
    return decompress(stored.open(options), compression, { signal: options.signal });
  }

  async *#watched(stream: ByteStream, signal: AbortSignal | undefined): ByteStream {
    try {
      yield* stream;
    } catch (error) {
      signal?.throwIfAborted();
      this.#failure = asFormFailure(error, 'source');
      throw error;
    }
  }
}
