import { aFunction, anObject, aSignal, aString, assertArgument, assertOptions, aText } from '@slipway/arguments';
import type { Descriptor } from '@slipway/manifest';
import { folderFiles } from '../files/source-files.ts';
import type { OpenSourceOptions, SourceItem } from '../image-source.ts';
import { resolveSourceLimits } from '../options.ts';
import { layoutBlobs } from './oci-blobs.ts';
import { OciLoader } from './oci-loader.ts';

/** Which item of a layout is opened, and how. */
export interface OpenLayoutItemOptions extends Pick<OpenSourceOptions, 'limits' | 'signal' | 'onRead'> {
  /** What messages call the layout. @default the folder */
  readonly name?: string | undefined;
}

/**
 * The item that a descriptor names among the blobs of a layout folder, whether or not an `index.json` lists it. Its
 * content is read where it lies; whoever reads it compares it with its digest.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` naming missing blobs; `ERR_SOURCE_INVALID` for damaged documents.
 */
export async function openLayoutItem(
  folder: string,
  descriptor: Descriptor,
  options: OpenLayoutItemOptions = {},
): Promise<SourceItem> {
  assertArgument('folder', folder, aText);
  assertArgument('descriptor', descriptor, anObject);
  assertOptions('options', options, {
    optional: { limits: anObject, name: aString, onRead: aFunction, signal: aSignal },
  });
  const { limits, signal, onRead, name = folder } = options;
  signal?.throwIfAborted();
  const loader = new OciLoader(layoutBlobs({ ...folderFiles(folder, onRead), name }), {
    limits: resolveSourceLimits(limits),
    signal,
  });
  return await loader.loadWhole(descriptor);
}
