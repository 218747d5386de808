import type { AbortOptions } from '@slipway/digest';
import type { HistoryEntry, Platform } from '@slipway/manifest';
import type { ImageSource, SourceItem } from '../image-source.ts';
import type { ConfigChanges } from './image-config.ts';
import type { LayerRecipe, OpenLayerOptions } from './layer-from.ts';

/** Whose media types an image speaks: `keep` for its base's, or OCI's where it has none. */
export type BuildFormat = 'keep' | 'oci' | 'docker';

/** What an image is made of. */
export interface ImageParts {
  /**
   * What it is made on: a SOURCE as the command line takes it, which `openBase` opens; or something opened, which stays
   * the caller's and has to outlive the image. Its layers go as they are, and are mounted where the registry has them.
   *
   * @default nothing: an image from scratch
   */
  readonly base?: string | ImageSource | SourceItem | undefined;
  /** On top of the base's, lowest first; a function is asked for each platform. @default none */
  readonly layers?: readonly LayerRecipe[] | ((platform: Platform | undefined) => readonly LayerRecipe[]) | undefined;
  /** What containers are started with. @default as the base says */
  readonly config?: ConfigChanges | undefined;
  /** `linux/arm64`, or several. @default all that the base has; from scratch linux/amd64 */
  readonly platform?: string | Platform | readonly (string | Platform)[] | undefined;
  /** @default the time that {@link OpenPartsOptions.time} says */
  readonly created?: Date | undefined;
  /** @default the base's */
  readonly author?: string | undefined;
  /**
   * The steps of the history that are added, oldest first, as many with a layer as there are layers.
   * @default one for each layer, as it says
   */
  readonly history?: readonly HistoryEntry[] | undefined;
  /**
   * Of the manifest, and of the index if it becomes one; Docker's manifests have no place for them.
   * @default what it is based on
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** @default 'keep' */
  readonly format?: BuildFormat | undefined;
}

/** Opens a base that is given as text. What it opens is disposed with the image. */
export type OpenBase = (
  source: string,
  options: AbortOptions & { readonly platform: Platform | undefined },
) => Promise<ImageSource>;

export interface OpenPartsOptions extends OpenLayerOptions {
  /** @default {@link openSource}, which opens files and folders, and knows no registry */
  readonly openBase?: OpenBase | undefined;
}

/** An image as it will be: nothing is opened or read before it is asked for. */
export interface ImageRecipe {
  /**
   * Opens the base, reads each layer once for its diffID, and makes the config. The one item of the result is what a
   * push takes.
   *
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_INVALID`, and as {@link LayerRecipe.open}
   */
  open(options?: OpenPartsOptions): Promise<ImageSource>;
}
