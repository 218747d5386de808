import { type Digest, isDigest } from '@slipway/digest';
import type { Descriptor, Platform } from '@slipway/manifest';
import { invalidSource } from './errors.ts';

/** Field by field view of JSON that others wrote. `label` names it in messages. */
export interface JsonObject {
  readonly label: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Decodes JSON in UTF-8. @throws {SourceError} `ERR_SOURCE_INVALID` when it is not that. */
export function parseJson(bytes: Uint8Array, label: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidSource(`${label} is not JSON`, { cause });
  }
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when `value` is no object. */
export function objectOf(value: unknown, label: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidSource(`${label} is not an object`);
  return { label, fields: value as Record<string, unknown> };
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when the field is no list; `null` and absent count as empty, as Go writes it. */
export function listOf({ fields, label }: JsonObject, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (!Array.isArray(value)) throw invalidSource(`${label}: ${key} is not a list`);
  return value;
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when the field holds anything but strings. */
export function stringsOf(object: JsonObject, key: string): readonly string[] {
  const list = listOf(object, key);
  if (list.some((item) => typeof item !== 'string'))
    throw invalidSource(`${object.label}: ${key} holds something that is no string`);
  return list as string[];
}

/** Undefined when absent, null or empty. @throws {SourceError} `ERR_SOURCE_INVALID` when the field is no string. */
export function textOf({ fields, label }: JsonObject, key: string): string | undefined {
  const value = fields[key] ?? '';
  if (typeof value !== 'string') throw invalidSource(`${label}: ${key} is not a string`);
  return value === '' ? undefined : value;
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when the field is not a valid digest. */
export function digestOf(value: unknown, label: string): Digest {
  if (typeof value !== 'string' || !isDigest(value))
    throw invalidSource(`${label}: ${JSON.stringify(value)} is not a digest`);
  return value;
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when the value is no descriptor. */
export function descriptorOf(value: unknown, label: string): Descriptor {
  const object = objectOf(value, label);
  const { size, urls, annotations, platform } = object.fields;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidSource(`${label}: size ${JSON.stringify(size)} is no number of bytes`);
  }
  return {
    mediaType: textOf(object, 'mediaType') ?? '',
    digest: digestOf(object.fields['digest'], label),
    size,
    ...(urls ? { urls: stringsOf(object, 'urls') } : {}),
    ...(annotations ? { annotations: annotationsOf(object) } : {}),
    ...defined('data', textOf(object, 'data')),
    ...(platform ? defined('platform', platformOf(platform, `${label}: platform`)) : {}),
    ...defined('artifactType', textOf(object, 'artifactType')),
  };
}

/** @throws {SourceError} `ERR_SOURCE_INVALID` when `annotations` is not a table of strings. */
export function annotationsOf(object: JsonObject): Readonly<Record<string, string>> {
  const { fields, label } = objectOf(object.fields['annotations'] ?? {}, `${object.label}: annotations`);
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value !== 'string') throw invalidSource(`${label}: ${JSON.stringify(key)} is not a string`);
  }
  return { ...(fields as Record<string, string>) };
}

/** What an index entry or a config says it runs on. Undefined when it does not say both system and architecture. */
export function platformOf(value: unknown, label: string): Platform | undefined {
  const object = objectOf(value, label);
  const os = textOf(object, 'os');
  const architecture = textOf(object, 'architecture');
  if (!os || !architecture) return undefined;
  const features = stringsOf(object, 'os.features');
  return {
    architecture,
    os,
    ...defined('os.version', textOf(object, 'os.version')),
    ...(features.length > 0 ? { 'os.features': features } : {}),
    ...defined('variant', textOf(object, 'variant')),
  };
}

function defined<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [key in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [key in Key]: Value });
}
