import type { AbortOptions, ByteStream } from '@slipway/digest';
import { type ImageSource, openSource, parseSourceText, type SourceNotice } from '@slipway/image-source';
import type { DaemonSourceOptions } from '@slipway/image-source/daemon';
import type { Platform } from '@slipway/manifest';
import type { ClientEnvironment } from '../environment.ts';
import { assertNoUser } from '../names/assert-no-user.ts';
import type { SourceRegistries } from './registry-source.ts';
import type { StoredImages } from './store-image-source.ts';

/** How a source is read. */
export interface OpenOptions extends AbortOptions {
  /** Manifests for other platforms are not read. @default all are */
  readonly platform?: Platform | undefined;
  /** Looks for what refers to an image: signatures, SBOMs, attestations. @default false */
  readonly referrers?: boolean | undefined;
  /**
   * What becomes of images of which something is missing: all is refused, or they are listed apart.
   * @default 'refuse'
   */
  readonly incomplete?: 'refuse' | 'list' | undefined;
  /**
   * What becomes of an image with more or fewer layers than its config says: see `@slipway/image-source`.
   * @default 'refuse'
   */
  readonly unpaired?: 'refuse' | 'carry' | undefined;
  /** Of a registry's image, looks at the first bytes of each layer instead of its label. @default false */
  readonly recognise?: boolean | undefined;
  /** Of a `store:` or `docker-daemon:` source, every tag of the repository. @default false */
  readonly allTags?: boolean | undefined;
}

/** What sources are opened with. */
export interface SourceDoors {
  readonly environment: ClientEnvironment;
  readonly registries: SourceRegistries;
  readonly images: StoredImages;
  /** What `-` reads. @default the process's standard input */
  readonly stdin?: ByteStream | undefined;
  /** Told before a source is written to the disk, with what and where. */
  readonly onSpool?: ((spool: { readonly name: string; readonly path: string }) => void) | undefined;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/**
 * Opens a source by its text, whatever its transport.
 *
 * @throws {SourceError} when there is no such source, or it cannot be read
 * @throws {ClientError} `ERR_CLIENT_PASSWORD_IN_NAME`
 */
export async function openSourceText(text: string, options: OpenOptions, doors: SourceDoors): Promise<ImageSource> {
  const { signal, referrers, platform, incomplete, unpaired, recognise, allTags } = options;
  const { stdin, onSpool, environment } = doors;
  const onNotice = ({ message }: SourceNotice): void => doors.warn(message);
  const spoolFolder = environment.temporaryFolder;
  const opening = { signal, stdin, referrers, platform, incomplete, unpaired, onNotice, spoolFolder, onSpool };
  const parsed = parseSourceText(text);
  switch (parsed.transport) {
    case 'docker-daemon':
      return await openDaemonImage(parsed.reference, { ...opening, allTags: options.allTags }, environment);
    case 'docker':
      assertNoUser(parsed.reference);
      return await doors.registries.openImage(parsed.reference, {
        ...{ signal, platform, referrers, incomplete, unpaired, recognise },
        onNotice,
      });
    case 'store':
      return await doors.images.open(parsed.reference, { signal, allTags });
    default:
      return await openSource(text, opening);
  }
}

/** The daemon is the one that the docker client would talk to. */
async function openDaemonImage(
  reference: string,
  opening: Omit<DaemonSourceOptions, 'host' | 'tls'>,
  { variables, dockerConfigFolder: configFolder }: ClientEnvironment,
): Promise<ImageSource> {
  const { findDaemonEndpoint, openDaemonSource } = await import('@slipway/image-source/daemon');
  return await openDaemonSource(reference, { ...opening, ...(await findDaemonEndpoint({ variables, configFolder })) });
}
