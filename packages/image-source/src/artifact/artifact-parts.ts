import type { AbortOptions, Content } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import type { ImageSource } from '../image-source.ts';
import type { OpenLayerOptions } from '../parts/layer-from.ts';
import type { LayerOptions } from '../parts/layer-options.ts';

/** One file of an artifact, or one folder, which goes as a tar, compressed with gzip. */
export interface ArtifactFile extends Pick<LayerOptions, 'include' | 'exclude'> {
  /** Where it lies on this machine. */
  readonly path?: string | undefined;
  /** In place of `path`: the bytes; a text is written as UTF-8. */
  readonly content?: string | Uint8Array | Content | undefined;
  /**
   * What whoever pulls it writes it to: a relative path, with `/` between names. `content` needs one.
   * @default the path, if it is relative and does not lead out with `..`, and else its last name
   */
  readonly title?: string | undefined;
  /** @default {@link artifactMediaTypes}: `file`, or `folder` */
  readonly mediaType?: string | undefined;
  /** Of its descriptor, beside those that say its title and how a folder is unpacked. @default none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The config of an artifact. */
export type ArtifactConfig = Pick<ArtifactFile, 'path' | 'content' | 'mediaType'>;

/** What an artifact is made of. */
export interface ArtifactParts {
  /** In this order; a text is a path. @default none: an artifact of annotations, or of its config */
  readonly files?: readonly (string | ArtifactFile)[] | undefined;
  /**
   * What it is: `application/spdx+json`.
   * @default {@link artifactMediaTypes}: `artifact`, unless there is a config, whose type says it
   */
  readonly artifactType?: string | undefined;
  /** A file, or a path. @default the two bytes `{}`, which say that there is none */
  readonly config?: string | ArtifactConfig | undefined;
  /** Of the manifest. Nothing is added: without a time among them, the artifact has none. @default none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The manifest that it is about: its descriptor, or a reference, which `resolveSubject` looks up. @default none */
  readonly subject?: string | Descriptor | undefined;
}

/** Finds the manifest that a reference names. */
export type ResolveSubject = (reference: string, options: AbortOptions) => Promise<Descriptor>;

export interface OpenArtifactOptions extends OpenLayerOptions {
  /** @default a subject has to be a descriptor */
  readonly resolveSubject?: ResolveSubject | undefined;
}

/** An artifact as it will be: nothing is looked at before it is opened. */
export interface ArtifactRecipe {
  /**
   * Reads each file once for its digest; folders are packed into a temporary file. The one item of the result is what a
   * push takes. Files are read again when they are sent, and have to be the same then.
   *
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_UNREADABLE`, `ERR_SOURCE_TITLE`, `ERR_SOURCE_ENTRY`,
   * `ERR_SOURCE_CHANGED`, `ERR_SOURCE_SPOOL`
   */
  open(options?: OpenArtifactOptions): Promise<ImageSource>;
}

/**
 * The media types of what nobody has named, as oras has them.
 *
 * @see https://github.com/oras-project/oras-go/blob/v2.6.0/pack.go#L35-L52
 */
export const artifactMediaTypes = {
  artifact: 'application/vnd.unknown.artifact.v1',
  config: 'application/vnd.unknown.config.v1+json',
  file: 'application/vnd.oci.image.layer.v1.tar',
  folder: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** The annotation that says what a file is called. */
export const titleAnnotation = 'org.opencontainers.image.title';
