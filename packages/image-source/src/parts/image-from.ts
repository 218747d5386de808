import {
  aFunction,
  anObject,
  aPlainObject,
  aSignal,
  aString,
  assertArgument,
  assertMembers,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  listOf,
  oneOf,
  withMethods,
} from '@slipway/arguments';
import { type Platform, parsePlatform } from '@slipway/manifest';
import { aHistoryEntry, assertConfigChanges } from './image-config.ts';
import type { ImageParts, ImageRecipe } from './image-parts.ts';
import { aTime } from './layer-options.ts';
import { openParts } from './open-parts.ts';

const aPlatform: Kind = kind('a platform such as "linux/arm64"', (value) => {
  if (typeof value === 'string') return isPlatform(value);
  const { os, architecture } = (value ?? {}) as { readonly os?: unknown; readonly architecture?: unknown };
  return aText.is(os) && aText.is(architecture);
});
const aLayer = withMethods('a layer of layerFrom()', 'open');
const texts = kind('a plain object, each member a string', (value) => {
  return aPlainObject.is(value) && Object.values(value as object).every(aString.is);
});
const somePlatforms = kind('one platform or more', (value) => listOf(aPlatform).is(value) && (value as []).length > 0);

const optional: Readonly<Record<keyof ImageParts, Kind>> = {
  base: either(aText, anObject),
  layers: either(listOf(aLayer), aFunction),
  config: aPlainObject,
  platform: either(aPlatform, somePlatforms),
  created: aTime,
  author: aString,
  history: listOf(aHistoryEntry),
  annotations: texts,
  format: oneOf('keep', 'oci', 'docker'),
};

/**
 * An image from parts: a base or nothing, layers on top, and what containers are started with. From the same parts
 * comes the same image, to the byte, whatever the machine.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 * @example const image = imageFrom({ base: 'oci:base', layers: [layerFrom('dist', { to: '/app' })], config: { Cmd:
 * ['/app/run'] } }); await using source = await image.open(); await pusher.push(source.items[0], destinations);
 */
export function imageFrom(parts: ImageParts): ImageRecipe {
  assertArgument('parts', parts, aPlainObject);
  assertOptions('parts', parts, { optional });
  assertConfigChanges('parts.config', parts.config);
  const platforms = platformsOf(parts.platform);
  return {
    open: async (options = {}) => {
      // A program opens whatever recipe it is given with all that recipes may need.
      assertMembers('options', options, {
        optional: { time: aTime, openBase: aFunction, onSpool: aFunction, spoolFolder: aText, signal: aSignal },
      });
      return await openParts(parts, platforms, options);
    },
  };
}

function platformsOf(platform: ImageParts['platform']): readonly Platform[] | undefined {
  if (platform === undefined) return undefined;
  const list: readonly (string | Platform)[] = Array.isArray(platform) ? platform : [platform as string | Platform];
  return list.map((one) => (typeof one === 'string' ? parsePlatform(one) : one));
}

function isPlatform(text: string): boolean {
  try {
    parsePlatform(text);
    return true;
  } catch {
    return false;
  }
}
