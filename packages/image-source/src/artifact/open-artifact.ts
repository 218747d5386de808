import type { BigIntStats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { isBytes } from '@slipway/arguments';
import { type Content, contentOf, digestStream, exactContent } from '@slipway/digest';
import { buildOciManifest, type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { fromSystemError, SourceError, wrongSize } from '../errors.ts';
import type { ImageSource, SourceBlob } from '../image-source.ts';
import { diskFile } from '../parts/disk-file.ts';
import { kindOf } from '../parts/folder-entries.ts';
import {
  type ArtifactConfig,
  type ArtifactFile,
  type ArtifactParts,
  artifactMediaTypes,
  type OpenArtifactOptions,
  titleAnnotation,
} from './artifact-parts.ts';
import { assertApart, assertFileTitle, assertTitle, badFile, titleOf } from './artifact-title.ts';
import { packFolder } from './folder-blob.ts';

/** What was made for the artifact, and goes with it. */
type Held = AsyncDisposable[];

const emptyBlob: SourceBlob = Object.freeze({
  descriptor: emptyDescriptor,
  content: contentOf(new TextEncoder().encode('{}')),
});

/** Makes an artifact of its parts. @throws {SourceError} */
export async function openArtifact(parts: ArtifactParts, options: OpenArtifactOptions): Promise<ImageSource> {
  const { signal } = options;
  signal?.throwIfAborted();
  const held: Held = [];
  try {
    // All is looked at before anything is read: what is missing is told at once.
    const files = await Promise.all((parts.files ?? []).map((file) => lookAt(file)));
    assertApart(files);
    const configFile = parts.config === undefined ? undefined : await lookAtConfig(parts.config);
    const subject = await subjectOf(parts, options);
    const config = configFile === undefined ? emptyBlob : await configBlob(configFile, options);
    const layers: SourceBlob[] = [];
    for (const file of files) layers.push(await blobOf(file, options, held));
    if (layers.length === 0) layers.push(emptyBlob); // a manifest has one at least
    const { mediaType, digest, bytes } = buildOciManifest({
      artifactType: parts.artifactType ?? unsaidType(config),
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
      subject,
      annotations: parts.annotations,
      compact: true,
    });
    const blobs = [config, ...layers];
    const count = files.length;
    return {
      kind: 'parts',
      name: `an artifact of ${count} ${count === 1 ? 'file' : 'files'}`,
      items: [{ kind: 'artifact', names: [], manifest: { mediaType, digest, bytes }, blobs }],
      [Symbol.asyncDispose]: () => release(held),
    };
  } catch (error) {
    await release(held);
    throw error;
  }
}

async function release(held: Held): Promise<void> {
  for (let one = held.pop(); one !== undefined; one = held.pop()) await one[Symbol.asyncDispose]();
}

/** The type of a config says what the artifact is; where there is none, something has to. */
function unsaidType({ descriptor }: SourceBlob): string | undefined {
  return descriptor.mediaType === mediaTypes.ociEmpty ? artifactMediaTypes.artifact : undefined;
}

async function subjectOf(
  { subject }: ArtifactParts,
  { resolveSubject, signal }: OpenArtifactOptions,
): Promise<Descriptor | undefined> {
  if (subject === undefined) return undefined;
  if (typeof subject === 'string' && resolveSubject === undefined) {
    throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot look up the subject ${JSON.stringify(subject)}`, {
      hint: 'Give its descriptor, or `resolveSubject`; a client has that',
    });
  }
  const found = typeof subject === 'string' ? await resolveSubject!(subject, { signal }) : subject;
  const { mediaType, digest, size } = found;
  return { mediaType, digest, size };
}

/** What is known of a file before it is read. */
interface FileToRead extends ArtifactFile {
  readonly title: string;
  readonly isFolder: boolean;
  /** Undefined for content in memory. */
  readonly disk: FoundOnDisk | undefined;
}

interface FoundOnDisk {
  /** With all links followed. */
  readonly path: string;
  /** What messages call it. */
  readonly shown: string;
  readonly state: BigIntStats;
}

async function lookAt(given: string | ArtifactFile): Promise<FileToRead> {
  const file = typeof given === 'string' ? { path: given } : given;
  const { path } = file;
  const title = file.title === undefined ? titleOf(path ?? '') : assertTitle(file.title);
  const disk = path === undefined ? undefined : await findOnDisk(path);
  const isFolder = disk?.state.isDirectory() ?? false;
  if (!isFolder) assertFileTitle(title);
  return { ...file, title, disk, isFolder };
}

async function lookAtConfig(given: string | ArtifactConfig): Promise<ArtifactConfig & Pick<FileToRead, 'disk'>> {
  const config = typeof given === 'string' ? { path: given } : given;
  const disk = config.path === undefined ? undefined : await findOnDisk(config.path);
  if (disk?.state.isDirectory() === true) throw badFile(disk.shown, 'it is a folder, and a config is a file');
  return { ...config, disk };
}

async function findOnDisk(shown: string): Promise<FoundOnDisk> {
  try {
    const path = await realpath(shown);
    const state = await stat(path, { bigint: true });
    if (!state.isFile() && !state.isDirectory()) throw badFile(shown, `it is ${kindOf(state)}`);
    return { path, shown, state };
  } catch (cause) {
    throw fromSystemError(cause, shown);
  }
}

async function configBlob(
  { mediaType = artifactMediaTypes.config, ...config }: ArtifactConfig & Pick<FileToRead, 'disk'>,
  options: OpenArtifactOptions,
): Promise<SourceBlob> {
  return await fileBlob(contentFrom(config), { mediaType }, options);
}

async function blobOf(file: FileToRead, options: OpenArtifactOptions, held: Held): Promise<SourceBlob> {
  const { title, mediaType, disk, isFolder } = file;
  const annotations = { ...file.annotations, [titleAnnotation]: title };
  if (disk === undefined || !isFolder) {
    return await fileBlob(contentFrom(file), { mediaType: mediaType ?? artifactMediaTypes.file, annotations }, options);
  }
  const { include, exclude } = file;
  const mode = Number(disk.state.mode) & 0o7777;
  const folder = await packFolder({ path: disk.path, title, mode, include, exclude }, options);
  held.push(folder);
  const { content, digest, plainDigest } = folder;
  return {
    descriptor: {
      mediaType: mediaType ?? artifactMediaTypes.folder,
      digest,
      size: content.size,
      annotations: {
        ...annotations,
        'io.deis.oras.content.digest': plainDigest,
        'io.deis.oras.content.unpack': 'true',
      },
    },
    content,
  };
}

async function fileBlob(
  content: Content,
  about: Pick<Descriptor, 'mediaType' | 'annotations'>,
  { signal }: OpenArtifactOptions,
): Promise<SourceBlob> {
  const { digest, size } = await digestStream(content.open({ signal, reuse: true }), { signal });
  return { descriptor: { ...about, digest, size }, content };
}

function contentFrom({ disk, content, title }: Pick<FileToRead, 'disk' | 'content'> & { title?: string }): Content {
  if (disk !== undefined) return diskFile(disk.path, disk.shown, disk.state);
  if (typeof content === 'string') return contentOf(new TextEncoder().encode(content));
  if (isBytes(content)) return contentOf(content);
  if (content === undefined) throw new Error('unreachable: a file has a path or content');
  const label = title === undefined ? 'The config' : `The content of ${JSON.stringify(title)}`;
  return exactContent(content, (actual) => wrongSize(label, actual));
}
