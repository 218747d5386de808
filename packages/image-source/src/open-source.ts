import { fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import {
  aBoolean,
  aFunction,
  anObject,
  aSignal,
  aStream,
  aString,
  assertArgument,
  assertOptions,
  aText,
  oneOf,
  surviving,
} from '@slipway/arguments';
import type { ByteStream } from '@slipway/digest';
import { dockerManifestName, readDockerArchive } from './docker/docker-archive.ts';
import { UnpackedLayers } from './docker/unpacked-layers.ts';
import { fromSystemError, invalidSource, SourceError } from './errors.ts';
import { type FileReader, notRegular, openFileReader } from './files/file-reader.ts';
import { folderFiles, type SourceFiles, tarFiles } from './files/source-files.ts';
import { spool } from './files/spool.ts';
import { magicLength, readMember, recogniseCompression } from './files/stored-content.ts';
import type { ImageSource, OpenSourceOptions } from './image-source.ts';
import { locateSource } from './locate-source.ts';
import { dirManifestName, dirMarkerName, readDirLayout } from './oci/dir-layout.ts';
import { type OciContent, ociIndexName, ociMarkerName, readOciLayout } from './oci/oci-layout.ts';
import { type ResolvedSourceLimits, resolveSourceLimits } from './options.ts';
import { parseSourceText, type StoredSourceText } from './source-text.ts';
import type { TarIndex } from './tar/tar-entry.ts';
import { readTarIndex } from './tar/tar-index.ts';

/**
 * Opens what a user calls a source: a path, `-`, or a transport and a path, perhaps with a selector: `:TAG`,
 * `:@POSITION`, `@DIGEST`. What it is, is recognised by its content. A plain archive is read where it lies; a
 * compressed one and standard input are written to a temporary file first, told through `onSpool`.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_INVALID`, `ERR_SOURCE_UNREADABLE`,
 * `ERR_SOURCE_UNSUPPORTED`, `ERR_SOURCE_SPOOL`, `ERR_SOURCE_TEXT`, or `ERR_SOURCE_CONSUMED` for a second read of the
 * same standard input.
 * @example
 * await using source = await openSource('image.tar');
 * for (const item of source.items) console.log(item.kind, item.names);
 */
export async function openSource(text: string, options: OpenSourceOptions = {}): Promise<ImageSource> {
  assertArgument('text', text, aText);
  assertOptions('options', options, {
    optional: {
      spoolFolder: aString,
      onSpool: aFunction,
      stdin: aStream,
      platform: anObject,
      incomplete: oneOf('refuse', 'list'),
      unpaired: oneOf('refuse', 'carry'),
      onNotice: aFunction,
      referrers: aBoolean,
      limits: anObject,
      onRead: aFunction,
      signal: aSignal,
    },
  });
  options.signal?.throwIfAborted();
  const opening: Opening = {
    ...options,
    onNotice: surviving('onNotice', options.onNotice),
    limits: resolveSourceLimits(options.limits),
  };
  const source = parseSourceText(text);
  if ('path' in source) {
    const located = (await locateSource(text)) ?? source;
    return located.path === '-' ? await openStdin(located, opening) : await openPath(located, opening);
  }
  throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot open ${JSON.stringify(text)}: it is no file or folder`, {
    hint:
      '@slipway/image-source opens archives and layouts; the program that uses it has to plug in what ' +
      `opens ${JSON.stringify(source.transport)} sources`,
  });
}

interface Opening extends OpenSourceOptions {
  readonly limits: ResolvedSourceLimits;
}

async function openPath(source: StoredSourceText, opening: Opening): Promise<ImageSource> {
  const { path, transport } = source;
  const stats = await stat(path).catch((cause) => {
    throw withHint(fromSystemError(cause, path));
  });
  if (stats.isDirectory()) return await openFolder(source, opening);
  if (!stats.isFile()) throw notRegular(path, false);
  if (transport === 'oci' || transport === 'dir') {
    const what = transport === 'oci' ? 'an OCI layout' : 'a folder';
    throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot open ${JSON.stringify(path)} as ${what}: it is a file`, {
      hint: 'Use oci-archive: or docker-archive: for an archive, or the path alone',
    });
  }
  const file = await openFileReader(path, opening.onRead);
  return await openArchive(source, await decompressed(file, opening), opening);
}

function withHint(error: unknown): unknown {
  if (!(error instanceof SourceError) || error.code !== 'ERR_SOURCE_NOT_FOUND') return error;
  return new SourceError(error.code, error.message, {
    cause: error.cause,
    hint:
      'Check the path; an image of a Docker daemon is written docker-daemon:REF, one in a registry ' +
      'docker://REF, one in the local store store:REF',
  });
}

async function openFolder(source: StoredSourceText, opening: Opening): Promise<ImageSource> {
  const { transport, path } = source;
  if (transport === 'docker-archive' || transport === 'oci-archive') {
    throw new SourceError(
      'ERR_SOURCE_UNSUPPORTED',
      `Cannot open ${JSON.stringify(path)} as an archive: it is a folder`,
      {
        hint: 'Use oci: for a layout folder, dir: for one of skopeo’s, or the path alone',
      },
    );
  }
  const files = folderFiles(path, opening.onRead);
  const dispose = async (): Promise<void> => {};
  switch (await folderContent(source, files, opening)) {
    case 'oci': {
      const content = await readOciLayout(files, { ...opening, select: source.select });
      return { kind: 'oci-layout', name: path, ...content, [Symbol.asyncDispose]: dispose };
    }
    case 'dir': {
      const content = await readDirLayout(files, { ...opening, select: source.select });
      return { kind: 'dir', name: path, ...content, [Symbol.asyncDispose]: dispose };
    }
    case 'docker': {
      const unpacked = new UnpackedLayers(opening);
      const options = { ...opening, unpacked, select: source.select };
      const items = await readDockerArchive(files, options).catch(async (error: unknown) => {
        await unpacked[Symbol.asyncDispose]();
        throw error;
      });
      return {
        kind: 'docker-archive',
        name: path,
        items,
        [Symbol.asyncDispose]: () => unpacked[Symbol.asyncDispose](),
      };
    }
    case undefined:
      throw await noImageIn(source, files, opening);
  }
}

/** What can lie in a folder: an OCI layout, what skopeo's `dir:` wrote, or a docker archive that was unpacked. */
type FolderContent = 'oci' | 'dir' | 'docker';

/** What lies in a folder, as far as its transport allows. */
async function folderContent(
  { transport }: StoredSourceText,
  files: SourceFiles,
  opening: Opening,
): Promise<FolderContent | undefined> {
  if (transport === 'oci') return (await files.find(ociIndexName)) ? 'oci' : undefined;
  const found = await recogniseFolder(files, opening);
  if (transport !== 'dir') return found;
  return found !== 'docker' && (await files.find(dirManifestName)) ? 'dir' : undefined;
}

async function recogniseFolder(files: SourceFiles, { limits, signal }: Opening): Promise<FolderContent | undefined> {
  if ((await files.find(ociMarkerName)) && (await files.find(ociIndexName))) return 'oci';
  if (await files.find(dirManifestName)) {
    if (await files.find(dirMarkerName)) return 'dir';
    const bytes = await readMember(files, dirManifestName, limits.maxListBytes, { signal });
    const isList = Buffer.from(bytes).toString('latin1').trimStart().startsWith('[');
    if (isList) return 'docker';
    if (!(await files.find(ociIndexName))) return 'dir';
  }
  return (await files.find(ociIndexName)) ? 'oci' : undefined;
}

/** The refusal of a folder that lacks what its transport promises; one that another transport opens is told which. */
async function noImageIn(
  { transport, path }: StoredSourceText,
  files: SourceFiles,
  opening: Opening,
): Promise<SourceError> {
  const quoted = JSON.stringify(path);
  const found = await recogniseFolder(files, opening);
  if (found !== undefined) {
    return wrongTransport(
      path,
      path,
      transport === 'oci' ? 'an OCI layout' : 'what skopeo writes to dir:',
      folderKinds[found],
    );
  }
  const wanted = transport === 'dir' ? dirManifestName : ociIndexName;
  return invalidSource(`${quoted} is a folder, but holds no image: "${wanted}" is missing`, {
    hint: await folderHint(files),
  });
}

interface Kind {
  readonly what: string;
  /** What opens it, where a transport does. */
  readonly transport: string | undefined;
}

const folderKinds: Readonly<Record<FolderContent, Kind>> = {
  oci: { what: 'an OCI layout', transport: 'oci:' },
  dir: { what: 'what skopeo writes to dir:', transport: 'dir:' },
  docker: { what: 'a docker archive that was unpacked', transport: undefined },
};

/** The image is sound; only the transport before its path is that of another kind. */
function wrongTransport(path: string, name: string, wanted: string, { what, transport }: Kind): SourceError {
  const hint = transport === undefined ? 'Give the path alone' : `Write ${transport}${path}, or the path alone`;
  return invalidSource(`Cannot open ${JSON.stringify(name)} as ${wanted}: it is ${what}`, { hint });
}

/** Folders that look like something else get a word about it. */
async function folderHint(files: SourceFiles): Promise<string> {
  if (await files.find('storage.lock')) {
    return (
      'It looks like the storage of podman or buildah: save the image first, with podman save --format ' + 'oci-archive'
    );
  }
  return 'Give an archive, or a folder that holds index.json and blobs, or what skopeo wrote to dir:';
}

/** Takes `file` over: the one that comes back may be another. */
async function decompressed(file: FileReader, opening: Opening): Promise<FileReader> {
  try {
    if (file.size === 0) throw invalidSource(`${JSON.stringify(file.name)} is empty`);
    const compression = recogniseCompression(await file.read(0, Math.min(magicLength, file.size)));
    if (compression === 'none') return file;
    const content = file.slice(0, file.size, 'the archive').open({ signal: opening.signal });
    const spooled = await spool(content, { ...opening, name: file.name });
    await file[Symbol.asyncDispose]();
    return spooled;
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** Name of the list of tags in a docker archive of any age. */
const repositoriesName = 'repositories';

const consumed = new WeakSet<ByteStream>();

async function openStdin(source: StoredSourceText, opening: Opening): Promise<ImageSource> {
  const name = 'standard input';
  if (opening.stdin === undefined && isFolder(0)) {
    // Before `process.stdin` is touched, which is empty then on one runtime, and throws on another.
    throw new SourceError('ERR_SOURCE_UNREADABLE', 'Cannot read an image from standard input: it is a folder', {
      hint: 'Give the folder as the source, or pipe an archive in',
    });
  }
  const stdin: ByteStream = opening.stdin ?? process.stdin;
  if (source.transport === 'oci' || source.transport === 'dir') {
    throw new SourceError(
      'ERR_SOURCE_UNSUPPORTED',
      `Cannot open standard input as ${source.transport}: it is no folder`,
    );
  }
  if (opening.stdin === undefined && process.stdin.isTTY) {
    throw new SourceError('ERR_SOURCE_UNREADABLE', 'Cannot read an image from standard input: it is a terminal', {
      hint: 'Pipe an archive in: docker save IMAGE | … -',
    });
  }
  if (consumed.has(stdin)) {
    throw new SourceError('ERR_SOURCE_CONSUMED', 'Standard input was read before, and can be read only once');
  }
  consumed.add(stdin);
  return await openArchive(source, await spool(stdin, { ...opening, name }), opening);
}

function isFolder(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isDirectory();
  } catch {
    return false; // it is closed: whoever reads it says so
  }
}

/**
 * Opens an archive that comes as a stream, such as a daemon's: it is spooled first, told through `onSpool` as `name`.
 *
 * @throws {SourceError} as {@link openSource} does
 */
export async function openSpooledArchive(
  stream: ByteStream,
  source: StoredSourceText,
  name: string,
  options: OpenSourceOptions,
): Promise<ImageSource> {
  const opening: Opening = { ...options, limits: resolveSourceLimits(options.limits) };
  return await openArchive(source, await spool(stream, { ...opening, name }), opening);
}

/** Takes `file` over: it is closed with the source, or now if there is none. */
async function openArchive(source: StoredSourceText, file: FileReader, opening: Opening): Promise<ImageSource> {
  const unpacked = new UnpackedLayers(opening);
  const dispose = async (): Promise<void> => {
    await unpacked[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  };
  try {
    const index = await readTarIndex(file, {
      limits: opening.limits,
      signal: opening.signal,
      unique: [dockerManifestName, ociIndexName, ociMarkerName, repositoriesName],
    });
    const archive: Archive = { source, files: tarFiles(file, index), index, unpacked, opening };
    const content = archiveContent(source, index, file.name);
    const isBoth = content === 'docker' && source.transport === 'path' && index.has(ociIndexName);
    const { kind, ...read } = isBoth ? await readBoth(archive) : await readArchive(content, archive);
    return { kind, name: file.name, ...read, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Reads an archive of both kinds: as docker's, unless its layout has all of that and more (decision 0377).
 */
async function readBoth(archive: Archive): Promise<ReadArchive> {
  const { source, files, opening } = archive;
  const { limits, signal, onNotice } = opening;
  const { layoutBeside } = await import('./docker/beside-dockers-list.ts');
  const beside = await layoutBeside(files, { path: source.path, maxListBytes: limits.maxListBytes, signal });
  const layout = beside?.hasAll ? await readArchive('oci', archive).catch(() => undefined) : undefined;
  signal?.throwIfAborted();
  if (layout !== undefined) return layout;
  const read = await readArchive('docker', archive).catch(async (error: unknown) => {
    // It has digests that only its layout knows.
    if (!isNotFound(error)) throw error;
    return await readArchive('oci', archive).catch(() => {
      throw error;
    });
  });
  if (beside !== undefined && read.kind === 'docker-archive') onNotice?.(beside.notice);
  return read;
}

function isNotFound(error: unknown): boolean {
  return error instanceof SourceError && error.code === 'ERR_SOURCE_NOT_FOUND';
}

interface Archive {
  readonly source: StoredSourceText;
  readonly files: SourceFiles;
  readonly index: TarIndex;
  readonly unpacked: UnpackedLayers;
  readonly opening: Opening;
}

/** What lies in an archive; `legacy` is what docker saved before 1.10, `dir` a packed folder of skopeo's. */
type ArchiveContent = 'docker' | 'legacy' | 'oci' | 'dir';

type ReadArchive = Partial<OciContent> & Pick<ImageSource, 'items' | 'kind'>;

async function readArchive(
  content: ArchiveContent,
  { source: { select }, files, index, unpacked, opening }: Archive,
): Promise<ReadArchive> {
  switch (content) {
    case 'docker':
      return { kind: 'docker-archive', items: await readDockerArchive(files, { ...opening, unpacked, select }) };
    case 'legacy': {
      const { readLegacyArchive } = await import('./docker/legacy-archive.ts');
      const items = await readLegacyArchive(files, index.keys(), { ...opening, unpacked, select });
      return { kind: 'docker-archive', items };
    }
    case 'oci':
      return { kind: 'oci-archive', ...(await readOciLayout(files, { ...opening, select })) };
    case 'dir': {
      return { kind: 'dir', ...(await readDirLayout(files, { ...opening, select })) };
    }
    default:
      return content satisfies never;
  }
}

/** Docker 25 and later save an archive that is both; its `manifest.json` is what `docker load` of any age reads. */
function archiveContent({ transport, path }: StoredSourceText, index: TarIndex, name: string): ArchiveContent {
  const mayBeDocker = transport !== 'oci-archive';
  const mayBeOci = transport !== 'docker-archive';
  if (transport === 'path' && [dirMarkerName, dirManifestName].every((file) => index.has(file))) return 'dir';
  if (mayBeDocker && index.has(dockerManifestName)) return 'docker';
  if (mayBeOci && index.has(ociIndexName)) return 'oci';
  if (mayBeDocker && isLegacy(index)) return 'legacy';
  if (transport === 'oci-archive' && (index.has(dockerManifestName) || isLegacy(index))) {
    throw wrongTransport(path, name, 'an OCI archive', { what: 'a docker archive', transport: 'docker-archive:' });
  }
  if (transport === 'docker-archive' && index.has(ociIndexName)) {
    throw wrongTransport(path, name, 'a docker archive', { what: 'an OCI archive', transport: 'oci-archive:' });
  }
  const quoted = JSON.stringify(name);
  const wanted = [...(mayBeDocker ? [dockerManifestName] : []), ...(mayBeOci ? [ociIndexName] : [])].join(' and no ');
  const deeper = [...index.keys()].find((member) => /^[^/]+\/(?:manifest|index)\.json$/.test(member));
  throw invalidSource(`${quoted} is a tar archive, but holds no image: there is no ${wanted} at its top`, {
    hint: deeper && `There is ${JSON.stringify(deeper)}: pack the contents of that folder, not the folder itself`,
  });
}

/** Images that were saved by ID have no names, and no file for them. */
function isLegacy(index: TarIndex): boolean {
  return index.has(repositoriesName) || [...index.keys()].some((name) => /^[0-9a-f]{64}\/json$/.test(name));
}
