import { stat } from 'node:fs/promises';
import { type StoredSourceText, sourceReadings } from './source-text.ts';

/**
 * The likeliest reading of a SOURCE in files that exists; undefined where none does, or the source lies in no file.
 * Standard input is always there.
 *
 * @throws {SourceError} `ERR_SOURCE_TEXT` as {@link parseSourceText}
 */
export async function locateSource(text: string): Promise<StoredSourceText | undefined> {
  for (const reading of sourceReadings(text)) {
    if (reading.path === '-') return reading;
    const isThere = await stat(reading.path).then(
      () => true,
      (cause: NodeJS.ErrnoException) =>
        cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR' && cause.code !== 'ENAMETOOLONG',
    );
    if (isThere) return reading;
  }
  return undefined;
}
