import { type AbortOptions, type Digest, digestBytes } from '@slipway/digest';
import type { Platform } from '@slipway/manifest';
import { type RandomLayerOptions, randomLayer, type TestLayer } from './random-layer.ts';

export interface RandomImageOptions extends AbortOptions {
  /** Everything that is not given follows from it. @default 'slipway' */
  readonly seed?: string | number | undefined;
  /** Layers from the bottom up: made of options, or taken from another image as they are. @default two of 64 KiB */
  readonly layers?: readonly (RandomLayerOptions | TestLayer)[] | undefined;
  /** @default linux/amd64 */
  readonly platform?: Platform | undefined;
  /** Steps without a layer (`ENV`, `CMD`) at the end of the history. @default 1 */
  readonly emptySteps?: number | undefined;
  /** Fields of the config's `config`. @default a PATH and a Cmd */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** An image as the engine keeps it: a config and uncompressed layers. */
export interface TestImage {
  readonly platform: Platform;
  readonly configBytes: Uint8Array;
  /** Digest of the config. */
  readonly imageID: Digest;
  /** From the bottom up. */
  readonly layers: readonly TestLayer[];
}

/** Makes an image whose every byte follows from the options. */
export async function randomImage(options: RandomImageOptions = {}): Promise<TestImage> {
  const { seed = 'slipway', platform = { architecture: 'amd64', os: 'linux' }, emptySteps = 1, signal } = options;
  const layers: TestLayer[] = [];
  for (const [index, layer] of (options.layers ?? [{}, {}]).entries()) {
    layers.push('diffID' in layer ? layer : await randomLayer({ seed: `${seed}/${index}`, ...layer, signal }));
  }
  const created = '2026-01-01T00:00:00Z';
  const history = layers.map((_, index) => ({
    created,
    created_by: `COPY layer-${index} /`,
    comment: 'slipway testkit',
  }));
  const empty = Array.from({ length: emptySteps }, (_, index) => ({
    created,
    created_by: `ENV STEP=${index}`,
    empty_layer: true,
  }));
  const document = {
    ...platform,
    created,
    author: `slipway testkit ${seed}`,
    config: options.config ?? { Env: ['PATH=/usr/bin:/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history: [...history, ...empty],
  };
  const configBytes = new TextEncoder().encode(JSON.stringify(document));
  return { platform, configBytes, imageID: digestBytes(configBytes), layers };
}

/** One image a platform, with layers of their own. */
export async function multiPlatformImage(
  platforms: readonly Platform[],
  options: Omit<RandomImageOptions, 'platform'> = {},
): Promise<readonly TestImage[]> {
  const images: TestImage[] = [];
  for (const platform of platforms) {
    const name = [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
    images.push(await randomImage({ ...options, seed: `${options.seed ?? 'slipway'}/${name}`, platform }));
  }
  return images;
}
