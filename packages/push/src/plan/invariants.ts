import { algorithmOf, type Digest, digestBytes, isDigest } from '@slipway/digest';
import type { SourceArtifact, SourceImage, SourceIndex } from '@slipway/image-source';
import {
  InvalidManifestError,
  isForeign,
  type ParsedManifest,
  parseImageConfig,
  rereadManifest,
} from '@slipway/manifest';
import { PushError } from '../errors.ts';
import type { Manifest } from './plan-types.ts';

/**
 * What a push promises whoever made the item: the config names these layers, the manifest names these blobs, and all of
 * them are carried along. Loaders check it too; a program that builds an item by hand may not.
 *
 * @throws {PushError} ERR_PUSH_INVALID
 */
export function assertImageConsistent({ config, layers, manifest, chain }: SourceImage): void {
  assertDigest('config', config.digest, config.bytes);
  const diffIDs = diffIDsOf(config.bytes);
  if (diffIDs.length !== layers.length)
    throw invalid(`the config names ${count(diffIDs.length, 'layer')}, the image has ${layers.length}`);
  for (const [at, { diffID }] of layers.entries()) {
    const expected = diffIDs[at];
    if (diffID !== expected)
      throw invalid(`layer ${at}: expected diffID ${expected} as the config says, got ${diffID}`);
  }
  if (chain !== undefined) assertSameLayers(chain, layers);
  if (manifest === undefined) return;
  assertDigest('manifest', manifest.digest, manifest.bytes);
  const parsed = parsedOf(manifest);
  if (parsed?.kind !== 'docker-manifest' && parsed?.kind !== 'oci-manifest')
    throw invalid(`a manifest of type ${JSON.stringify(manifest.mediaType)} describes no image`);
  if (parsed.config.digest !== config.digest)
    throw invalid(`the manifest names config ${parsed.config.digest}, the image has ${config.digest}`);
  const named = parsed.layers.map(({ digest }) => digest);
  const carried = layers.map(({ descriptor }) => descriptor?.digest);
  const at = Math.max(
    named.findIndex((digest, index) => carried[index] !== digest),
    carried.length > named.length ? named.length : -1,
  );
  if (at >= 0)
    throw invalid(`layer ${at}: expected ${named[at] ?? 'none'} as the manifest says, got ${carried[at] ?? 'none'}`);
}

/** Registries of old are sent the chain in place of the layers. */
function assertSameLayers(chain: NonNullable<SourceImage['chain']>, layers: SourceImage['layers']): void {
  if (chain.length !== layers.length)
    throw invalid(`the chain has ${count(chain.length, 'image')}, the image ${count(layers.length, 'layer')}`);
  for (const [at, { layer }] of chain.entries()) {
    const expected = layers[at]?.diffID;
    if (layer.diffID !== expected)
      throw invalid(`image ${at} of the chain: expected a layer of diffID ${expected}, got ${layer.diffID}`);
  }
}

/** An artifact goes with every blob that its manifest names, also one of a type that nobody here knows. */
export function assertArtifactComplete({ manifest, blobs }: SourceArtifact): void {
  assertDigest('manifest', manifest.digest, manifest.bytes);
  const carried = new Map(blobs.map(({ descriptor }) => [descriptor.digest, descriptor.size]));
  for (const { digest, size, isElsewhere } of namedBy(manifest.bytes)) {
    if (carried.get(digest) === size || isElsewhere) continue;
    const named = typeof size === 'number' ? `with ${size} bytes` : 'without a size';
    const what = carried.has(digest)
      ? `${named}, the source has ${carried.get(digest)} bytes`
      : 'which the source does not carry';
    throw invalid(`the manifest of type ${JSON.stringify(manifest.mediaType)} names ${digest}, ${what}`);
  }
}

/** An index that goes as it is names nothing but what goes with it. */
export function assertIndexComplete({ manifest, children, blobs = [] }: SourceIndex): void {
  assertDigest('index', manifest.digest, manifest.bytes);
  const carried = new Set([...children, ...blobs].map(({ descriptor }) => descriptor.digest));
  for (const { digest } of namedBy(manifest.bytes)) {
    if (carried.has(digest)) continue;
    throw invalid(`the index names ${digest}, which the source does not carry`, 'choose what is there with `platform`');
  }
}

/** A blob or manifest that a document names. */
interface NamedContent {
  readonly digest: Digest;
  readonly size: unknown;
  /** It says where else the content is found. */
  readonly isElsewhere: boolean;
}

/** Everything that a document names as its content; a `subject` is not its own. */
function namedBy(bytes: Uint8Array): readonly NamedContent[] {
  const document = jsonOf(bytes);
  if (typeof document !== 'object' || document === null) return [];
  const { config, layers, blobs, manifests } = document as Readonly<Record<string, unknown>>;
  return [config, ...listOf(layers), ...listOf(blobs), ...listOf(manifests)].flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { digest, size, urls } = entry as Readonly<Record<string, unknown>>;
    if (typeof digest !== 'string' || !isDigest(digest)) return [];
    return { digest, size, isElsewhere: isForeign({ urls: listOf(urls).filter((url) => typeof url === 'string') }) };
  });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // no document that names anything
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function parsedOf({ bytes, mediaType }: Manifest): ParsedManifest | undefined {
  try {
    return rereadManifest({ bytes, mediaType });
  } catch (cause) {
    if (cause instanceof InvalidManifestError) return undefined;
    throw cause;
  }
}

function diffIDsOf(config: Uint8Array): readonly Digest[] {
  try {
    return parseImageConfig(config, { maxSize: config.byteLength }).rootfs.diff_ids;
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), undefined, cause);
  }
}

function assertDigest(what: string, digest: Digest, bytes: Uint8Array): void {
  const actual = digestBytes(bytes, algorithmOf(digest));
  if (actual !== digest) throw invalid(`the ${what}: expected bytes of ${digest}, got ${actual}`);
}

function count(number: number, noun: string): string {
  return `${number} ${number === 1 ? noun : `${noun}s`}`;
}

function invalid(why: string, hint?: string | undefined, cause?: unknown): PushError {
  return new PushError('ERR_PUSH_INVALID', `Could not plan the push: ${why}`, {
    op: 'plan',
    origin: 'source',
    hint,
    cause,
  });
}
