import type { Digest } from '@slipway/digest';
import type { Platform } from './platform.ts';

/**
 * What a document says of content that lies elsewhere: its type, digest and size.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#properties
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as it is stored, that is compressed. */
  readonly size: number;
  /** Where a foreign layer may be fetched from. */
  readonly urls?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The content itself, in base64. */
  readonly data?: string | undefined;
  /** In an index: what the manifest runs on. */
  readonly platform?: Platform | undefined;
  /** In an index: the `artifactType` of the manifest, or its config's media type. */
  readonly artifactType?: string | undefined;
}
