import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortOptions } from '@slipway/digest';
import { type ImageSource, openSource, type SourceItem } from '@slipway/image-source';
import type { ImageStore } from '@slipway/image-store';
import { RequestError } from '../errors.ts';
import type { JobContent, JobSource } from './job.ts';

/** What jobs push, kept from the submission to the end of the job: held images of the store, and uploaded archives. */
export interface JobSources {
  /** Where uploads of archives go. */
  readonly archiveFolder: string;
  /**
   * Holds the image that `name` means now.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
   */
  hold(name: string, options?: AbortOptions): Promise<Extract<JobSource, { readonly kind: 'image' }>>;
  /** Opens the very content that was submitted. */
  open(source: JobSource, options: AbortOptions): Promise<ImageSource>;
  /** Lets go of what a job was about. What is gone already is no error. */
  release(source: JobSource): Promise<void>;
  /**
   * Lets go of whatever none of these jobs needs: an upload, or the end of a job, was cut off. Young ones may be on
   * their way.
   */
  releaseOrphans(needed: readonly JobSource[]): Promise<void>;
}

export interface JobSourcesOptions {
  readonly images: ImageStore;
  readonly archiveFolder: string;
  readonly spoolFolder: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** So long an upload may take until there is a job for it. */
const orphanAgeMs = 24 * 60 * 60 * 1000;

export function createJobSources({
  images,
  archiveFolder,
  spoolFolder,
  now = Date.now,
}: JobSourcesOptions): JobSources {
  return {
    archiveFolder,
    async hold(name, options) {
      const hold = newKey(now());
      const { id, manifest } = await images.hold(name, hold, options);
      return { kind: 'image', name, hold, content: { id, manifest } };
    },
    async open(source, { signal }) {
      if (source.kind === 'image') return await images.openHeld(source.hold, { signal });
      return await openSource(join(archiveFolder, source.file), { signal, spoolFolder });
    },
    async release(source) {
      if (source.kind === 'image') await images.release(source.hold);
      else await rm(join(archiveFolder, source.file), { force: true });
    },
    async releaseOrphans(needed) {
      const keys = new Set(needed.map((source) => (source.kind === 'image' ? source.hold : source.file)));
      const isOrphan = (key: string): boolean => !keys.has(key) && !(now() - madeAt(key) < orphanAgeMs);
      for (const file of await readdir(archiveFolder)) {
        if (isOrphan(file)) await rm(join(archiveFolder, file), { force: true });
      }
      for (const key of await images.heldKeys()) if (isOrphan(key)) await images.release(key);
    },
  };
}

/** A name for what a job keeps: it tells when it was made. */
export function newKey(now: number = Date.now()): string {
  return `${now.toString(36)}-${randomBytes(9).toString('hex')}`;
}

function madeAt(key: string): number {
  return Number.parseInt(key.split('-')[0] ?? '', 36);
}

/**
 * The image that a job is about.
 * @throws {RequestError} 400 when there is none, or more than one and none was chosen
 */
export function selectItem({ items }: Pick<ImageSource, 'items'>, image: string | undefined): SourceItem {
  const names = items.flatMap((item) => item.names);
  const [item, ...others] = image === undefined ? items : items.filter((each) => each.names.includes(image));
  if (item === undefined) {
    throw new RequestError(
      400,
      image === undefined
        ? 'the archive holds no image'
        : `the archive holds no image ${image}; it has ${names.join(', ')}`,
    );
  }
  if (others.length > 0 && image === undefined) {
    throw new RequestError(
      400,
      `the archive holds several images, and \`image\` chooses none of them: ${names.join(', ')}`,
    );
  }
  return item;
}

/** What an item is, whatever it is called. */
export function contentOf(item: SourceItem): JobContent {
  if (item.kind === 'image') return { id: item.config.digest, manifest: item.manifest?.digest };
  return { id: item.manifest.digest, manifest: item.manifest.digest };
}

/** What people call the source of a job. */
export function nameOf(source: JobSource): string {
  return source.kind === 'image' ? source.name : (source.image ?? 'uploaded archive');
}
