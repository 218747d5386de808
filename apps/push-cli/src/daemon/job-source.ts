import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type ItemSelector, locateSource, parseSourceText } from '@slipway/image-source';
import { parseAnyReference, parseReference, type Reference } from '@slipway/reference';
import { CliError, usageError } from '../errors.ts';

/** What a daemon is asked to push. */
export type JobSource =
  /** Something that it finds by itself, under this name. */
  | {
      readonly kind: 'named';
      readonly image: string;
      /** The registry that it is read from. */
      readonly registry?: Pick<Reference, 'registry' | 'repository'> | undefined;
    }
  /** An archive that is sent along; `image` chooses one of its images. */
  | {
      readonly kind: 'archive';
      readonly image: string | undefined;
      /** Undefined while that is not known before the end. */
      readonly size: number | undefined;
      open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
      /** What follows an offset, of an archive that can be read again. */
      reopen?(from: number): AsyncIterable<Uint8Array>;
    };

/**
 * Takes a SOURCE as `slipway push` does: `store:REF` is the daemon's own store, files and folders of this machine are
 * sent to it, folders as a tar.
 *
 * @throws {SourceError} `ERR_SOURCE_TEXT`
 * @throws {CliError} `ERR_CLI_NO_ITEM` when there is no such file
 */
export async function jobSourceOf(text: string, stdin: Readable): Promise<JobSource> {
  const source = parseSourceText(text);
  if (source.transport === 'store') {
    parseAnyReference(source.reference); // the daemon would not say which text is wrong
    return { kind: 'named', image: source.reference };
  }
  if (source.transport === 'docker') return { kind: 'named', image: text, registry: parseReference(source.reference) };
  if (!('path' in source)) {
    throw usageError(
      'slipwayd does not ask a Docker daemon of this machine for an image',
      `send it: docker save ${source.reference} | slipway push --daemon … - DESTINATION`,
    );
  }
  if (source.path === '-') return { kind: 'archive', image: nameOf(source.select), size: undefined, open: () => stdin };
  const reading = await locateSource(text);
  const found = reading && (await stat(reading.path).catch(() => undefined));
  if (found === undefined) {
    throw new CliError('ERR_CLI_NO_ITEM', `there is no file or folder ${JSON.stringify(source.path)}`);
  }
  const { path, select } = reading!;
  const image = nameOf(select);
  if (found.isDirectory()) return { kind: 'archive', image, size: undefined, open: () => packed(path) };
  const reopen = (start: number): AsyncIterable<Uint8Array> => createReadStream(path, { start });
  return { kind: 'archive', image, size: found.size, open: () => reopen(0), reopen };
}

function nameOf(select: ItemSelector | undefined): string | undefined {
  if (select === undefined) return undefined;
  if ('reference' in select) return select.reference;
  if ('digest' in select) return select.digest;
  return `@${select.position}`;
}

async function packed(path: string): Promise<AsyncIterable<Uint8Array>> {
  const { create } = await import('tar');
  const names = (await readdir(path)).sort();
  return create({ cwd: path, portable: true, noMtime: true }, names) as AsyncIterable<Uint8Array>;
}
