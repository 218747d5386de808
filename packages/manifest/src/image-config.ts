import { aNumber, anObject, assertArgument, assertOptions, someBytes } from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import {
  type Fields,
  fail,
  has,
  inAnyCase,
  namesOf,
  readDigests,
  readDocument,
  readObject,
  readObjects,
  readOptionalBoolean,
  readOptionalString,
} from './fields.ts';
import { type Platform, platformMembers, readPlatform } from './platform.ts';
import { type RuntimeConfig, readRuntimeConfig } from './runtime-config.ts';

/** One step of how an image was made. */
export interface HistoryEntry {
  readonly created?: string | undefined;
  readonly created_by?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** The step made no layer. */
  readonly empty_layer?: boolean | undefined;
}

/**
 * What an image's config says, in the config's own spelling. Old images leave nearly everything out.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
 */
export interface ImageConfig {
  /** The very bytes that were parsed, never to be made anew: the image ID is their digest. Not copied. */
  readonly bytes: Uint8Array;
  readonly architecture?: string | undefined;
  readonly os?: string | undefined;
  readonly 'os.version'?: string | undefined;
  readonly 'os.features'?: readonly string[] | undefined;
  readonly variant?: string | undefined;
  /** RFC 3339, as it was written. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly rootfs: {
    /** `layers+base`: an old Windows image, whose base layer is no part of `diff_ids`. */
    readonly type: 'layers' | 'layers+base';
    /** Digests of the uncompressed layers, base first. */
    readonly diff_ids: readonly Digest[];
  };
  /**
   * What a container of the image runs by default: `Env`, `Cmd`, `Labels` and their like; an empty object where the
   * config has none. Looked at when it is asked for: a push does not need it.
   *
   * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when it is malformed
   */
  readonly config: RuntimeConfig;
  /**
   * Oldest first; empty where the config has none. Looked at when it is asked for: a push does not need it.
   *
   * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID` when it is malformed
   */
  readonly history: readonly HistoryEntry[];
}

/** How large a config may be. */
export interface ParseImageConfigOptions {
  /** Bytes the config may have. @default 4 MiB */
  readonly maxSize?: number | undefined;
}

const configNames = namesOf(['rootfs', ...platformMembers, 'created', 'author', 'history']);
const runtimeNames = namesOf(['config']);
const rootfsNames = namesOf(['type', 'diff_ids']);
const historyNames = namesOf(['created', 'created_by', 'author', 'comment', 'empty_layer']);

/**
 * Parses the config of an image that can be run. Members this package has no use for are not looked at, and letter case
 * does not matter: runtimes are written in Go, which reads JSON so.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`; `path` says where. A config without `rootfs` is a v1 image's
 * or an artifact's.
 * @throws {ManifestTooLargeError} `ERR_MANIFEST_TOO_LARGE`
 */
export function parseImageConfig(bytes: Uint8Array, options: ParseImageConfigOptions = {}): ImageConfig {
  assertArgument('bytes', bytes, someBytes);
  assertOptions('options', options, { optional: { maxSize: aNumber } });
  const document = readDocument('image config', bytes, options.maxSize);
  const fields = inAnyCase(document, configNames);
  if (!has(fields, 'rootfs')) fail(fields, 'rootfs', 'expected an object, got nothing');
  const rootfs = inAnyCase(readObject(fields, 'rootfs'), rootfsNames);
  const type = readOptionalString(rootfs, 'type') || 'layers';
  if (type !== 'layers' && type !== 'layers+base') {
    fail(rootfs, 'type', `expected "layers", got ${JSON.stringify(type.slice(0, 120))}`);
  }
  const { architecture, os, ...rest } = readPlatform(fields);
  return Object.freeze({
    bytes,
    ...rest,
    architecture: architecture || undefined,
    os: os || undefined,
    created: readOptionalString(fields, 'created'),
    author: readOptionalString(fields, 'author'),
    rootfs: Object.freeze({ type, diff_ids: readDigests(rootfs, 'diff_ids') }),
    get config() {
      return readRuntimeConfig(inAnyCase(document, runtimeNames), 'config');
    },
    get history() {
      return Object.freeze(readObjects(fields, 'history').map(readHistoryEntry));
    },
  });
}

/** What the image runs on; undefined where its config does not say. */
export function platformOfConfig(config: ImageConfig): Platform | undefined {
  assertArgument('config', config, anObject);
  const { architecture, os, variant } = config;
  if (architecture === undefined || os === undefined) return undefined;
  const version = config['os.version'];
  const features = config['os.features'];
  return Object.freeze({
    architecture,
    os,
    ...(version ? { 'os.version': version } : {}),
    ...(features?.length ? { 'os.features': features } : {}),
    ...(variant ? { variant } : {}),
  });
}

function readHistoryEntry(entry: Fields): HistoryEntry {
  const fields = inAnyCase(entry, historyNames);
  return Object.freeze({
    created: readOptionalString(fields, 'created'),
    created_by: readOptionalString(fields, 'created_by'),
    author: readOptionalString(fields, 'author'),
    comment: readOptionalString(fields, 'comment'),
    empty_layer: readOptionalBoolean(fields, 'empty_layer'),
  });
}
