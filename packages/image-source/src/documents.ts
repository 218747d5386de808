import { algorithmOf, type Content, type Digest, digestBytes, isDigest } from '@slipway/digest';
import {
  type Descriptor,
  excessOfJSON,
  type ImageConfig,
  InvalidManifestError,
  type ParsedManifest,
  type ParseManifestOptions,
  parseImageConfig,
  parseManifest,
} from '@slipway/manifest';
import { invalidSource } from './errors.ts';

/** Field by field view of JSON that others wrote. `label` names it in messages. */
export interface JsonObject {
  readonly label: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Decodes JSON in UTF-8. @throws {SourceError} `ERR_SOURCE_INVALID` when it is not that. */
export function parseJson(bytes: Uint8Array, label: string): unknown {
  const excess = excessOfJSON(bytes);
  if (excess !== undefined) throw invalidSource(`${label} cannot be read: ${excess}`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidSource(`${label} is not JSON`, { cause });
  }
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when `value` is no object. */
export function objectOf(value: unknown, label: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidSource(`${label} is not an object`);
  }
  return { label, fields: value as Record<string, unknown> };
}

/**
 * The same object with these members under their own names, whatever letter case they were written in, as Go reads
 * JSON.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` when one is there twice, with different values: two readers would see two
 * images.
 */
export function inAnyCase({ label, fields }: JsonObject, members: readonly string[]): JsonObject {
  const byLowerCase = new Map(members.map((member) => [member.toLowerCase(), member]));
  const renamed: Record<string, unknown> = { ...fields };
  for (const [key, value] of Object.entries(fields)) {
    const member = byLowerCase.get(key.toLowerCase());
    if (member === undefined || member === key) continue;
    if (Object.hasOwn(renamed, member) && JSON.stringify(renamed[member]) !== JSON.stringify(value)) {
      throw invalidSource(`${label}: ${member} is there twice, once as ${JSON.stringify(key)}, with different values`);
    }
    renamed[member] = value;
    delete renamed[key];
  }
  return { label, fields: renamed };
}

/**
 * An empty list when absent or null, as Go writes it.
 * @throws {SourceError} `ERR_SOURCE_INVALID` when it holds anything but strings.
 */
export function stringsOf({ fields, label }: JsonObject, key: string): readonly string[] {
  const list = fields[key] ?? [];
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw invalidSource(`${label}: ${key} is not a list of strings`);
}

/** Undefined when absent, null or empty. @throws {SourceError} `ERR_SOURCE_INVALID` when the field is no string. */
export function textOf({ fields, label }: JsonObject, key: string): string | undefined {
  const value = fields[key] ?? '';
  if (typeof value !== 'string') throw invalidSource(`${label}: ${key} is not a string`);
  return value === '' ? undefined : value;
}

/**
 * A descriptor outside any manifest, as `LayerSources` of a docker archive has them.
 * @throws {SourceError} `ERR_SOURCE_INVALID`
 */
export function descriptorOf(value: unknown, label: string): Descriptor {
  const object = objectOf(value, label);
  const { size, digest, urls, annotations } = object.fields;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidSource(`${label}: size ${JSON.stringify(size)} is no number of bytes`);
  }
  const mediaType = textOf(object, 'mediaType');
  if (!mediaType) throw invalidSource(`${label}: mediaType is missing`);
  return {
    mediaType,
    digest: digestOf(digest, label),
    size,
    ...(urls ? { urls: stringsOf(object, 'urls') } : {}),
    ...(annotations ? { annotations: annotationsOf(annotations, `${label}: annotations`) } : {}),
  };
}

/** A parsed manifest or index. @throws {SourceError} `ERR_SOURCE_INVALID` */
export function manifestOf(
  bytes: Uint8Array,
  mediaType: string | undefined,
  options: ParseManifestOptions,
  label: string,
): ParsedManifest {
  return labelled(label, () => parseManifest(bytes, mediaType, options));
}

/** Digests of a document's descriptors that leave out their size. */
export function digestsWithoutSize(bytes: Uint8Array): readonly Digest[] {
  let document: unknown;
  if (excessOfJSON(bytes) !== undefined) return [];
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return []; // whoever parses it says so
  }
  if (typeof document !== 'object' || document === null) return [];
  const { config, layers, manifests, blobs } = document as Readonly<Record<string, unknown>>;
  return [config, layers, manifests, blobs].flat().flatMap((value) => {
    const { digest, size } = (value ?? {}) as { readonly digest?: unknown; readonly size?: unknown };
    return (size === undefined || size === null) && isDigest(digest) ? [digest] : [];
  });
}

/**
 * A parsed config; undefined when it has no `rootfs` and so is no image's.
 * @throws {SourceError} `ERR_SOURCE_INVALID`
 */
export function imageConfigOf(bytes: Uint8Array, maxSize: number, label: string): ImageConfig | undefined {
  return labelled(label, () => {
    try {
      return parseImageConfig(bytes, { maxSize });
    } catch (error) {
      if (error instanceof InvalidManifestError && error.path === 'rootfs') return undefined; // none, or no object
      throw error;
    }
  });
}

/**
 * Refuses a layer of no bytes at all that should unpack to some: there is nothing to read in it that would show.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID`
 */
export function assertNotEmptied({ size }: Content, diffID: Digest, label: string): void {
  if (size > 0 || digestBytes(new Uint8Array(0), algorithmOf(diffID)) === diffID) return;
  throw invalidSource(`${label} is empty, and should unpack to ${diffID}`);
}

function labelled<T>(label: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw invalidSource(`${label}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function digestOf(value: unknown, label: string): Digest {
  if (isDigest(value)) return value;
  throw invalidSource(`${label}: ${JSON.stringify(value)} is not a digest`);
}

function annotationsOf(value: unknown, label: string): Readonly<Record<string, string>> {
  const object = objectOf(value, label);
  return Object.fromEntries(Object.keys(object.fields).map((key) => [key, textOf(object, key) ?? '']));
}
