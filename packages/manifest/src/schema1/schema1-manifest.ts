import { type Digest, digestBytes, encodedOf } from '@slipway/digest';
import { InvalidManifestError } from '../errors.ts';
import { encodeGoJSON } from '../go-json.ts';
import { type HistoryEntry, parseImageConfig } from '../image-config.ts';
import { emptyLayer } from './empty-layer.ts';
import { goTime } from './go-time.ts';
import { v1ConfigOf } from './v1-image.ts';

/** A manifest to be signed. Digest and size that users are told are those of these bytes, not of the signed ones. */
export interface UnsignedManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** Bytes of the document. */
  readonly size: number;
  /** Whether it names {@link emptyLayer}, which must then be in the repository. */
  readonly usesEmptyLayer: boolean;
}

/** What a schema 1 manifest is made from. */
export interface Schema1ManifestOptions {
  /** The image's config as it is stored: the newest v1 id is a digest over it. */
  readonly config: Uint8Array;
  /** Digests of the blobs, base first, one per diffID. */
  readonly layers: readonly Digest[];
  /** The repository's path, without its domain. */
  readonly name: string;
  readonly tag: string;
}

const indent = '   ';

/**
 * Makes the schema 1 manifest of an image, to the byte as Docker's `ConfigManifestBuilder` does.
 *
 * @throws {InvalidManifestError} `ERR_MANIFEST_INVALID`, for a config without history, with a history of more or fewer
 * layers than there are, or with other layers than those given.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/manifest/schema1/config_builder.go#L64-L229
 */
export function buildSchema1Manifest({ config, layers, name, tag }: Schema1ManifestOptions): UnsignedManifest {
  const { history, rootfs, architecture = '' } = parseImageConfig(config);
  if (rootfs.type !== 'layers') throw invalid(`an image of type ${rootfs.type} cannot be written as schema1 manifest`);
  if (history.length === 0) throw invalid('empty history when trying to create schema1 manifest');
  if (rootfs.diff_ids.length !== layers.length) {
    throw invalid(
      `number of descriptors and number of layers in rootfs must match: ${layers.length} != ${rootfs.diff_ids.length}`,
    );
  }
  const made = history.filter((step) => step.empty_layer !== true).length;
  if (made > layers.length) throw invalid('too many non-empty layers in History section');
  // Docker's builder leaves out the layers that no step is left for, and the image loses its newest files.
  if (made < layers.length) throw invalid(`too few non-empty layers in History section: ${made} of ${layers.length}`);
  const steps = stepsOf(history, layers, config);
  const fsLayers = steps.map(({ blobSum }) => ({ blobSum })).toReversed();
  const document = {
    schemaVersion: 1,
    name,
    tag,
    architecture,
    fsLayers,
    history: steps.map(({ v1Compatibility }) => ({ v1Compatibility })).toReversed(),
  };
  const bytes = new TextEncoder().encode(encodeGoJSON(document, { indent }));
  return {
    bytes,
    digest: digestBytes(bytes),
    size: bytes.byteLength,
    usesEmptyLayer: history.some((step) => step.empty_layer === true),
  };
}

interface Step {
  readonly blobSum: Digest;
  readonly v1Compatibility: string;
}

/** Oldest first. */
function stepsOf(history: readonly HistoryEntry[], layers: readonly Digest[], config: Uint8Array): readonly Step[] {
  const steps: Step[] = [];
  let parent = '';
  let layer = 0;
  for (const [at, step] of history.entries()) {
    const isEmpty = step.empty_layer === true;
    const blobSum = isEmpty ? emptyLayer.digest : layers[layer++]!;
    const isLast = at === history.length - 1;
    const id = v1ID(`${encodedOf(blobSum)} ${parent}${isLast ? ' ' : ''}`, isLast ? config : new Uint8Array(0));
    const v1Compatibility = isLast
      ? v1ConfigOf(config, { id, parent, throwaway: isEmpty })
      : compatibilityOf(step, { id, parent, at });
    steps.push({ blobSum, v1Compatibility });
    parent = id;
  }
  return steps;
}

function compatibilityOf(
  step: HistoryEntry,
  { id, parent, at }: { readonly id: string; readonly parent: string; readonly at: number },
): string {
  const created = goTime(step.created);
  if (created === undefined) {
    throw new InvalidManifestError('image config', `history[${at}].created`, 'expected a time in RFC 3339');
  }
  return encodeGoJSON({
    id,
    parent: parent || undefined,
    comment: step.comment || undefined,
    created,
    container_config: { Cmd: [step.created_by ?? ''] },
    author: step.author || undefined,
    throwaway: step.empty_layer === true ? true : undefined,
  });
}

function v1ID(text: string, config: Uint8Array): string {
  const prefix = new TextEncoder().encode(text);
  const bytes = new Uint8Array(prefix.byteLength + config.byteLength);
  bytes.set(prefix);
  bytes.set(config, prefix.byteLength);
  return encodedOf(digestBytes(bytes));
}

function invalid(problem: string): InvalidManifestError {
  return new InvalidManifestError('image config', '', problem);
}
