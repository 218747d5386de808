import { stat } from 'node:fs/promises';
import type { ByteStream } from '@slipway/digest';
import { dockerManifestName, readDockerArchive } from './docker-archive.ts';
import { fromSystemError, invalidSource, SourceError } from './errors.ts';
import { type FileReader, notRegular, openFileReader } from './file-reader.ts';
import type { ImageSource, OpenSourceOptions, SourceItem } from './image-source.ts';
import { ociIndexName, ociMarkerName, readOciLayout } from './oci-layout.ts';
import { type ResolvedSourceLimits, resolveSourceLimits } from './options.ts';
import { folderFiles, type SourceFiles, tarFiles } from './source-files.ts';
import { type DockerArchiveSelector, type OciSelector, parseSourceText, type SourceText } from './source-text.ts';
import { assertSupported, spool } from './spool.ts';
import { magicLength, recogniseCompression } from './stored-content.ts';
import { readTarIndex, type TarIndex } from './tar-index.ts';

/**
 * Opens what a user calls a source: a path, `-`, or a transport and a path. What it is, is recognised by its content.
 * A plain archive is read where it lies; a compressed one and standard input are written to a temporary file first, told through `onSpool`.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_INVALID`, `ERR_SOURCE_UNREADABLE`, `ERR_SOURCE_UNSUPPORTED`,
 * `ERR_SOURCE_SPOOL`, or `ERR_SOURCE_CONSUMED` for a second read of the same standard input.
 * @example
 * await using source = await openSource('image.tar');
 * for (const item of source.items) console.log(item.kind, item.names);
 */
export async function openSource(text: string, options: OpenSourceOptions = {}): Promise<ImageSource> {
  options.signal?.throwIfAborted();
  const opening: Opening = { ...options, limits: resolveSourceLimits(options.limits) };
  const source = parseSourceText(text);
  switch (source.transport) {
    case 'path':
    case 'docker-archive':
    case 'oci-archive':
    case 'oci':
      return source.path === '-' ? await openStdin(source, opening) : await openPath(source, opening);
    case 'docker-daemon':
    case 'docker':
    case 'store':
      throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot open ${JSON.stringify(text)}: it is no file or folder`, {
        hint: `@slipway/image-source opens archives and layouts; the program that uses it has to plug in what opens ${JSON.stringify(source.transport)} sources`,
      });
    default:
      throw new Error(`unreachable: ${source satisfies never}`);
  }
}

type StoredSource = Extract<SourceText, { readonly path: string }>;

interface Opening extends OpenSourceOptions {
  readonly limits: ResolvedSourceLimits;
}

async function openPath(source: StoredSource, opening: Opening): Promise<ImageSource> {
  const { path } = source;
  const stats = await stat(path).catch((cause) => {
    throw withHint(fromSystemError(cause, path));
  });
  if (stats.isDirectory()) return await openFolder(source, opening);
  if (!stats.isFile()) throw notRegular(path, false);
  if (source.transport === 'oci') {
    throw new SourceError(
      'ERR_SOURCE_UNSUPPORTED',
      `Cannot open ${JSON.stringify(path)} as an OCI layout: it is a file`,
      {
        hint: 'Use oci-archive: for an archive, or the path alone',
      },
    );
  }
  const file = await openFileReader(path, opening.onRead);
  return await openArchive(source, await decompressed(file, opening), opening);
}

function withHint(error: unknown): unknown {
  if (!(error instanceof SourceError) || error.code !== 'ERR_SOURCE_NOT_FOUND') return error;
  return new SourceError(error.code, error.message, {
    cause: error.cause,
    hint: 'Check the path; an image of a Docker daemon is written docker-daemon:REF, one in a registry docker://REF, one in the local store store:REF',
  });
}

async function openFolder(source: StoredSource, { limits, signal, referrers, onRead }: Opening): Promise<ImageSource> {
  const { transport, path } = source;
  if (transport === 'docker-archive' || transport === 'oci-archive') {
    throw new SourceError(
      'ERR_SOURCE_UNSUPPORTED',
      `Cannot open ${JSON.stringify(path)} as an archive: it is a folder`,
      {
        hint: 'Use oci: for a layout folder, or the path alone',
      },
    );
  }
  const files = folderFiles(path, onRead);
  if (!(await files.find(ociMarkerName))) {
    throw invalidSource(`${JSON.stringify(path)} is a folder, but no OCI image layout: "${ociMarkerName}" is missing`, {
      hint: 'Give an archive, or a folder that holds oci-layout, index.json and blobs',
    });
  }
  const items = await readOciLayout(files, { limits, signal, referrers, select: ociSelectorOf(source) });
  return { kind: 'oci-layout', name: path, items, [Symbol.asyncDispose]: async () => {} };
}

/** Takes `file` over: the one that comes back may be another. */
async function decompressed(file: FileReader, opening: Opening): Promise<FileReader> {
  try {
    if (file.size === 0) throw invalidSource(`${JSON.stringify(file.name)} is empty`);
    const compression = recogniseCompression(await file.read(0, Math.min(magicLength, file.size)));
    assertSupported(compression, file.name);
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

async function openStdin(source: StoredSource, opening: Opening): Promise<ImageSource> {
  const name = 'standard input';
  const stdin: ByteStream = opening.stdin ?? process.stdin;
  if (source.transport === 'oci') {
    throw new SourceError('ERR_SOURCE_UNSUPPORTED', 'Cannot open standard input as an OCI layout: it is no folder');
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

/**
 * Opens an archive that comes as a stream, such as a daemon's: it is spooled first, told through `onSpool` as `name`.
 *
 * @throws {SourceError} as {@link openSource} does
 */
export async function openSpooledArchive(
  stream: ByteStream,
  source: StoredSource,
  name: string,
  options: OpenSourceOptions,
): Promise<ImageSource> {
  const opening: Opening = { ...options, limits: resolveSourceLimits(options.limits) };
  return await openArchive(source, await spool(stream, { ...opening, name }), opening);
}

/** Takes `file` over: it is closed with the source, or now if there is none. */
async function openArchive(source: StoredSource, file: FileReader, opening: Opening): Promise<ImageSource> {
  try {
    const index = await readTarIndex(file, {
      limits: opening.limits,
      signal: opening.signal,
      unique: [dockerManifestName, ociIndexName, ociMarkerName, repositoriesName],
    });
    const content = archiveContent(source.transport, index, file.name);
    const items = await readArchive(content, source, tarFiles(file, index), index, opening);
    const kind = content === 'oci' ? 'oci-archive' : 'docker-archive';
    return { kind, name: file.name, items, [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]() };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** What lies in an archive; `legacy` is what docker saved before 1.10. */
type ArchiveContent = 'docker' | 'legacy' | 'oci';

async function readArchive(
  content: ArchiveContent,
  source: StoredSource,
  files: SourceFiles,
  index: TarIndex,
  { limits, signal, referrers }: Opening,
): Promise<readonly SourceItem[]> {
  switch (content) {
    case 'docker':
      return await readDockerArchive(files, { limits, signal, select: dockerSelectorOf(source) });
    case 'legacy': {
      const { readLegacyArchive } = await import('./legacy-archive.ts');
      return await readLegacyArchive(files, index.keys(), { limits, signal, select: dockerSelectorOf(source) });
    }
    case 'oci':
      return await readOciLayout(files, { limits, signal, referrers, select: ociSelectorOf(source) });
    default:
      return content satisfies never;
  }
}

/** Docker 25 and later save an archive that is both; its `manifest.json` is what `docker load` of any age reads. */
function archiveContent(transport: StoredSource['transport'], index: TarIndex, name: string): ArchiveContent {
  const mayBeDocker = transport !== 'oci-archive';
  const mayBeOci = transport !== 'docker-archive';
  if (mayBeDocker && index.has(dockerManifestName)) return 'docker';
  if (mayBeOci && index.has(ociIndexName)) return 'oci';
  if (mayBeDocker && isLegacy(index)) return 'legacy';
  const quoted = JSON.stringify(name);
  const wanted = [...(mayBeDocker ? [dockerManifestName] : []), ...(mayBeOci ? [ociIndexName] : [])].join(' and no ');
  throw invalidSource(`${quoted} is a tar archive, but holds no image: there is no ${wanted} at its top`);
}

/** Images that were saved by ID have no names, and no file for them. */
function isLegacy(index: TarIndex): boolean {
  return index.has(repositoriesName) || [...index.keys()].some((name) => /^[0-9a-f]{64}\/json$/.test(name));
}

function dockerSelectorOf(source: StoredSource): DockerArchiveSelector | undefined {
  return source.transport === 'docker-archive' ? source.select : undefined;
}

function ociSelectorOf(source: StoredSource): OciSelector | undefined {
  return source.transport === 'oci' || source.transport === 'oci-archive' ? source.select : undefined;
}
