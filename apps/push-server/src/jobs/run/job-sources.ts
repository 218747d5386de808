import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '@slipway/client/program';
import type { AbortOptions } from '@slipway/digest';
import { type ImageSource, openSource, type SourceItem, type SourceLimits } from '@slipway/image-source';
import type { ImageStore } from '@slipway/image-store';
import { parsePlatform } from '@slipway/manifest';
import { canonicalName, familiarName, familiarString, nameOnly, type Reference } from '@slipway/reference';
import { createDisposables } from '../../engine/disposables.ts';
import type { PushChoices } from '../../engine/push-settings.ts';
import { RequestError } from '../../errors.ts';
import type { HeldSource, JobContent, JobSource } from '../record/job.ts';

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
  /**
   * Holds every tag that a repository has now.
   *
   * @throws {RequestError} 404 when it has none
   */
  holdTags(repository: Reference, options?: HoldTagsOptions): Promise<Extract<JobSource, { readonly kind: 'images' }>>;
  /** Opens the very content that was submitted. */
  open(source: JobSource, options: OpenJobSourceOptions): Promise<OpenedJobSource>;
  /** Lets go of what a job was about. What is gone already is no error. */
  release(source: JobSource): Promise<void>;
  /**
   * Lets go of whatever none of these jobs needs: an upload, or the end of a job, was cut off. Young ones may be on
   * their way.
   */
  releaseOrphans(needed: readonly JobSource[]): Promise<void>;
}

export interface HoldTagsOptions extends AbortOptions {
  /** Whether a repository, by its canonical name, is there for whoever asks. @default all are */
  readonly isSeen?: ((repository: string) => boolean) | undefined;
}

export interface OpenJobSourceOptions extends AbortOptions {
  /** How the job is pushed: some of it decides how its source is read. */
  readonly push: PushChoices;
}

/** A source as a client takes it. */
export interface OpenedJobSource extends AsyncDisposable {
  readonly source: string | ImageSource;
}

export interface JobSourcesOptions {
  readonly images: ImageStore;
  readonly archiveFolder: string;
  readonly spoolFolder: string;
  /** What may be held in memory of one archive. */
  readonly limits?: SourceLimits | undefined;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** So long an upload may take until there is a job for it. */
const orphanAgeMs = 24 * 60 * 60 * 1000;

export function createJobSources({
  images,
  archiveFolder,
  spoolFolder,
  limits,
  now = Date.now,
}: JobSourcesOptions): JobSources {
  const hold = async (name: string, options?: AbortOptions): Promise<HeldSource> => {
    const key = newKey(now());
    const { id, manifest } = await images.hold(name, key, options);
    return { name, hold: key, content: { id, manifest } };
  };

  /** One source of several held images, each under the tag that it had. */
  const openAll = async (
    { name, held }: Extract<JobSource, { readonly kind: 'images' }>,
    options: AbortOptions,
  ): Promise<OpenedJobSource> => {
    const all = createDisposables();
    try {
      const items: SourceItem[] = [];
      for (const each of held) {
        const source = all.use(await images.openHeld(each.hold, options));
        items.push(...source.items.map((item) => ({ ...item, names: [each.name] })));
      }
      return opened({ kind: 'store', name, items, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() });
    } catch (error) {
      await all[Symbol.asyncDispose]();
      throw error;
    }
  };

  return {
    archiveFolder,
    hold: async (name, options) => ({ kind: 'image', ...(await hold(name, options)) }),
    async holdTags(repository, { isSeen = () => true, ...options } = {}) {
      const name = familiarName(repository);
      const tags = isSeen(canonicalName(repository)) ? await images.tagsOf(nameOnly(repository), options) : [];
      if (tags.length === 0) throw new RequestError(404, `no tags to push for ${name}`);
      const held: HeldSource[] = [];
      try {
        for (const { reference } of tags) held.push(await hold(familiarString(reference), options));
      } catch (error) {
        for (const each of held) await images.release(each.hold);
        throw error;
      }
      return { kind: 'images', name, held };
    },
    async open(source, { signal, push }) {
      switch (source.kind) {
        case 'registry':
          return { source: `docker://${source.reference}`, async [Symbol.asyncDispose]() {} };
        case 'image':
          return opened(await images.openHeld(source.hold, { signal }));
        case 'images':
          return await openAll(source, { signal });
        case 'archive': {
          const { platform, referrers, allTags, verify = 'digest' } = push;
          const path = join(archiveFolder, source.file);
          const archive = await openSource(archiveText(path, allTags === true ? undefined : source.image), {
            ...{ signal, spoolFolder, referrers, limits },
            platform: typeof platform === 'string' ? parsePlatform(platform) : platform,
            unpaired: verify === 'digest' ? 'carry' : 'refuse', // as the program reads its sources
          });
          const named = { ...archive, name: 'the archive' }; // messages about it reach whoever sent it
          return opened(allTags === true ? named : onlyItem(named, onlyItemOf(named)));
        }
        default:
          return source satisfies never;
      }
    },
    async release(source) {
      if (source.kind === 'archive') await rm(join(archiveFolder, source.file), { force: true });
      for (const key of holdsOf(source)) await images.release(key);
    },
    async releaseOrphans(needed) {
      const keys = new Set(needed.flatMap((source) => (source.kind === 'archive' ? [source.file] : holdsOf(source))));
      const isOrphan = (key: string): boolean => !keys.has(key) && !(now() - madeAt(key) < orphanAgeMs);
      for (const file of await readdir(archiveFolder)) {
        if (isOrphan(file)) await rm(join(archiveFolder, file), { force: true });
      }
      for (const key of await images.heldKeys()) if (isOrphan(key)) await images.release(key);
    },
  };
}

/** The keys under which the store keeps images for a job. */
function holdsOf(source: JobSource): readonly string[] {
  if (source.kind === 'image') return [source.hold];
  return source.kind === 'images' ? source.held.map(({ hold }) => hold) : [];
}

function opened(source: ImageSource): OpenedJobSource {
  return { source, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

function onlyItem(source: ImageSource, item: SourceItem): ImageSource {
  return { ...source, items: [item], whole: undefined };
}

/** A name for what a job keeps: it tells when it was made. */
export function newKey(now: number = Date.now()): string {
  return `${now.toString(36)}-${randomBytes(9).toString('hex')}`;
}

function madeAt(key: string): number {
  return Number.parseInt(key.split('-')[0] ?? '', 36);
}

/** When what no job needs is let go of, in milliseconds since 1970. */
export function orphanAt(key: string): number {
  return madeAt(key) + orphanAgeMs;
}

/**
 * An archive as a source, and which of its images is meant: by name, tag, ID, digest or position, as the program takes
 * it.
 */
export function archiveText(path: string, image: string | undefined): string {
  if (image === undefined) return path;
  return /^[a-z0-9]+:[0-9a-f]{32,}$/.test(image) ? `${path}@${image}` : `${path}:${image}`;
}

/** The name by which an archive's only image is found again; what begins as a position or digest does is none. */
export function nameIn({ names: [name] }: SourceItem): string | undefined {
  return name?.startsWith('@') === true ? undefined : name;
}

/**
 * The image that a job is about.
 * @throws {RequestError} 400 when there is none, or more than one
 */
export function onlyItemOf({ items, whole }: Pick<ImageSource, 'items' | 'whole'>): SourceItem {
  if (whole !== undefined) return whole;
  const [item, ...others] = items;
  if (item === undefined) {
    const reason = 'ERR_SOURCE_NOT_FOUND';
    throw new RequestError(400, 'the archive holds no image', { reason, origin: 'source' });
  }
  if (others.length > 0) {
    const names = items.flatMap((each) => each.names).join(', ');
    throw new RequestError(400, `the archive holds several images, and \`image\` chooses none of them: ${names}`);
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
  return printable(source.kind === 'archive' ? (source.image ?? 'uploaded archive') : source.name);
}
