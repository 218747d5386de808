import { resolve } from 'node:path';
import {
  aBoolean,
  aDuration,
  aFunction,
  aNumber,
  anObject,
  aSignal,
  assertOptions,
  aText,
  type Kind,
  surviving,
} from '@slipway/arguments';
import type { AbortOptions, ByteStream, Digest } from '@slipway/digest';
import type { ImageSource, SourceItem } from '@slipway/image-source';
import { familiarString, formatReference, type Reference, withDefaultTag } from '@slipway/reference';
import { ImageStoreError } from './errors.ts';
import type {
  CollectedGarbage,
  CollectGarbageOptions,
  DeleteOptions,
  DeleteRecord,
  DiskUsage,
  HeldImage,
  ImageStore,
  ImageStoreEvent,
  ImageStoreOptions,
  InspectedImage,
  LoadedImage,
  LoadOptions,
  OpenImageOptions,
  StoredImage,
  TagOfImage,
} from './image-store.ts';
import { bytesOf } from './images/bytes-of-items.ts';
import { deleteImage } from './images/delete-image.ts';
import { describeImage, timeOf } from './images/describe-image.ts';
import { findImage, findImages } from './images/find-image.ts';
import { layersGone } from './images/gone-with-images.ts';
import { HeldImages } from './images/held-images.ts';
import { FactsReader, type ManifestFacts } from './images/image-facts.ts';
import { provenLayers } from './images/proven-layers.ts';
import { type SavedImage, saveArchive } from './images/save-archive.ts';
import { stageItem } from './images/stage-item.ts';
import { StoreRecord } from './images/store-record.ts';
import { takeItem } from './images/take-item.ts';
import { asStoreError, StoreFiles, sizeOf } from './layout/store-files.ts';
import { type StoredManifest, StoreState } from './layout/store-state.ts';
import { openStoredBlob } from './layout/stored-blob.ts';
import { Workspace } from './layout/workspace.ts';
import { openStoredItems } from './store-source.ts';

const defaults = {
  lockTimeoutMs: 10_000,
  maxLayerBytes: 256 * 1024 ** 3,
  graceMs: 60 * 60 * 1000,
} as const;

/**
 * Opens the image store in a folder, and clears away what processes left there that died.
 *
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_UNAVAILABLE` when the folder cannot be used; `ERR_IMAGE_STORE_CORRUPT`
 * @example
 * await using store = await openImageStore({ folder: '/var/lib/slipway/images' });
 * await using source = await openSource('app.tar');
 * const [loaded] = await store.load(source);
 */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  assertOptions('options', options, {
    required: { folder: aText },
    optional: {
      onWarning: aFunction,
      onEvent: aFunction,
      admit: aFunction,
      maxLayerBytes: aNumber,
      lockTimeoutMs: aDuration,
    },
  });
  const store = new DiskImageStore(options);
  await store.prepare();
  return store;
}

class DiskImageStore implements ImageStore {
  readonly folder: string;
  readonly #onEvent: ((event: ImageStoreEvent) => void) | undefined;
  readonly #options: ImageStoreOptions;
  readonly #files: StoreFiles;
  readonly #facts: FactsReader;
  readonly #record: StoreRecord;
  readonly #held: HeldImages;
  #isClosed = false;

  constructor(options: ImageStoreOptions) {
    this.folder = resolve(options.folder);
    this.#options = options;
    this.#onEvent = surviving('onEvent', options.onEvent);
    this.#files = new StoreFiles(this.folder, options.lockTimeoutMs ?? defaults.lockTimeoutMs);
    this.#facts = new FactsReader(this.#files);
    this.#record = new StoreRecord(this.#files, this.#facts, surviving('onWarning', options.onWarning));
    this.#held = new HeldImages(this.#files);
  }

  async prepare(): Promise<void> {
    await this.#run('open images', {}, async () => {
      await this.#files.prepare();
      await this.#record.begin();
      await this.#record.clearAbandoned();
    });
  }

  load(source: ImageSource, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    const { signal } = options;
    const onProgress = surviving('onProgress', options.onProgress) ?? (() => {});
    return this.#run(
      'load an image',
      options,
      async () => {
        await this.#admit(source);
        await using workspace = await Workspace.open(this.#files);
        const maxLayerBytes = this.#options.maxLayerBytes ?? defaults.maxLayerBytes;
        const proven = await provenLayers(await this.#record.read(), this.#facts);
        const staged: { readonly item: SourceItem; readonly stored: StoredManifest }[] = [];
        for (const item of source.items) {
          staged.push({
            item,
            stored: await stageItem(item, workspace, { signal, maxLayerBytes, onProgress, proven }),
          });
        }
        signal?.throwIfAborted();
        const loaded = await this.#record.change(async (state) => {
          for (const [digest, size] of workspace.gathered) {
            await this.#files.adopt(workspace.path(digest), digest, size);
          }
          return staged.map(({ item, stored }) => takeItem(state, item, stored));
        });
        for (const { id, tags } of loaded) {
          for (const reference of tags.length > 0 ? tags : [undefined]) this.#tell({ type: 'load', id, reference });
        }
        return loaded;
      },
      { onProgress: aFunction },
    );
  }

  tag(name: string, target: Reference, options: AbortOptions = {}): Promise<void> {
    return this.#run('tag an image', options, async () => {
      const id = await this.#record.change(async (state) => {
        const { id: found, stored } = findImage(state, name);
        state.tag(target, stored.descriptor.digest, new Date().toISOString());
        return found;
      });
      this.#tell({ type: 'tag', id, reference: familiarString(withDefaultTag(target)) });
    });
  }

  addDigest(reference: Reference, id: Digest, options: AbortOptions = {}): Promise<void> {
    return this.#run('note a digest', options, async () => {
      await this.#record.change(async (state) => {
        if (state.byID(id).length === 0) throw new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', `No such image: ${id}`);
        state.references.addDigest(reference, id);
      });
    });
  }

  list(options: AbortOptions = {}): Promise<readonly StoredImage[]> {
    return this.#run('list images', options, async () => {
      const state = await this.#record.read();
      const images: StoredImage[] = [];
      for (const id of new Set([...state.manifests.values()].map((stored) => stored.id))) {
        options.signal?.throwIfAborted();
        const [stored] = state.byID(id);
        if (!stored) continue;
        const facts = await this.#facts.read(stored.descriptor).catch((error: unknown) => this.#record.leaveOut(error));
        if (facts) images.push(describeImage(state, stored, facts));
      }
      return images.sort((a, b) => timeOf(b) - timeOf(a));
    });
  }

  inspect(name: string, options: AbortOptions = {}): Promise<InspectedImage> {
    return this.#run('inspect an image', options, async () => {
      const state = await this.#record.read();
      const { id, stored } = findImage(state, name);
      const facts = await this.#facts.read(stored.descriptor);
      const bytes = facts.config && (await this.#files.document(facts.config));
      return {
        ...describeImage(state, stored, facts),
        config: bytes && (JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>),
        diffIDs: facts.config?.diffIDs ?? [],
        layers: facts.layers,
        lastTagged: state.lastTagged(id) || undefined,
      };
    });
  }

  tagsOf(repository: Reference, options: AbortOptions = {}): Promise<readonly TagOfImage[]> {
    return this.#run('list tags', options, async () => {
      const { references } = await this.#record.read();
      return references.referencesByName(repository).filter(({ reference }) => reference.tag !== undefined);
    });
  }

  delete(name: string, options: DeleteOptions = {}): Promise<readonly DeleteRecord[]> {
    return this.#run(
      'delete an image',
      options,
      async () => {
        const { records, events } = await this.#record.change(async (state) => {
          const { stored } = findImage(state, name);
          // A damaged image must be deletable, so what it consists of is asked for with mercy.
          const facts = await this.#facts.read(stored.descriptor).catch(() => undefined);
          const deletion = deleteImage(state, name, options.force ?? false);
          const untagged = deletion.untagged.map((each): DeleteRecord => ({ untagged: familiarString(each) }));
          const deleted = deletion.isDeleted ? [deletion.id, ...(await layersGone(facts, state, this.#facts))] : [];
          return { records: [...untagged, ...deleted.map((each) => ({ deleted: each }))], events: deletion.events };
        });
        for (const event of events) this.#tell(event);
        return records;
      },
      { force: aBoolean },
    );
  }

  save(names: readonly string[], options: AbortOptions = {}): Promise<ByteStream> {
    return this.#run('save images', options, async () => {
      const state = await this.#record.read();
      const saved = new Map<Digest, SavedImage>();
      for (const { stored, reference } of names.flatMap((name) => findImages(state, name))) {
        const { descriptor } = stored;
        const { facts, references } = saved.get(descriptor.digest) ?? {
          facts: await this.#facts.read(descriptor),
          references: [],
        };
        const isNew = reference && !references.some((each) => formatReference(each) === formatReference(reference));
        saved.set(descriptor.digest, { facts, references: isNew ? [...references, reference] : references });
      }
      return this.#archiveOf([...saved.values()], options);
    });
  }

  open(name: string, options: OpenImageOptions = {}): Promise<ImageSource> {
    return this.#run(
      'open an image',
      options,
      async () => {
        const state = await this.#record.read();
        const found = options.allTags === true ? findImages(state, name) : [findImage(state, name)];
        const workspace = await Workspace.open(this.#files);
        try {
          for (const { stored } of found) await this.#holdAll(workspace, await this.#facts.read(stored.descriptor));
          const items = await openStoredItems(workspace.folder, state, found, { ...options, name: `store:${name}` });
          return { kind: 'store', name, items, [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose]() };
        } catch (error) {
          await workspace[Symbol.asyncDispose]();
          throw error;
        }
      },
      { allTags: aBoolean, limits: anObject },
    );
  }

  hold(name: string, key: string, options: AbortOptions = {}): Promise<HeldImage> {
    return this.#run('hold an image', options, async () => {
      const { id, stored } = findImage(await this.#record.read(), name);
      const facts = await this.#facts.read(stored.descriptor);
      await using workspace = await Workspace.open(this.#files);
      await this.#holdAll(workspace, facts);
      // Deleted since it was looked up: nothing of it is here any more.
      if ((await sizeOf(workspace.path(stored.descriptor.digest))) === undefined) {
        throw new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', `No such image: ${name}`);
      }
      await this.#held.keep(key, workspace, { name, stored });
      const { digest } = stored.descriptor;
      const size = [...facts.blobs.values()].reduce((total, each) => total + each, 0);
      return { id, manifest: stored.isBuilt ? undefined : digest, content: digest, size };
    });
  }

  openHeld(key: string, options: OpenImageOptions = {}): Promise<ImageSource> {
    return this.#run(
      'open a held image',
      options,
      async () => {
        const { name, stored } = await this.#held.read(key);
        const found = [{ id: stored.id, stored, reference: undefined }];
        const open = { ...options, name: `store:${name}` };
        const items = await openStoredItems(this.#held.folderOf(key), new StoreState(), found, open);
        return { kind: 'store', name, items, [Symbol.asyncDispose]: async () => {} };
      },
      { allTags: aBoolean, limits: anObject },
    );
  }

  release(key: string): Promise<void> {
    return this.#run('release an image', {}, () => this.#held.release(key));
  }

  heldKeys(): Promise<readonly string[]> {
    return this.#run('list held images', {}, () => this.#held.keys());
  }

  collectGarbage(options: CollectGarbageOptions = {}): Promise<CollectedGarbage> {
    const { graceMs = defaults.graceMs } = options;
    return this.#run(
      'collect garbage',
      options,
      async () => {
        await this.#record.clearAbandoned();
        return await this.#files.locked(async () => {
          const marked = await this.#facts.mark((await this.#record.read()).roots);
          const before = Date.now() - graceMs;
          const blobs = await this.#files.blobs();
          const garbage = blobs.filter(({ digest, mtimeMs }) => !marked.has(digest) && mtimeMs <= before);
          const deleted = garbage.map(({ digest }) => digest);
          return { deleted, freedBytes: await this.#files.remove(deleted) };
        });
      },
      { graceMs: aNumber },
    );
  }

  diskUsage(options: AbortOptions = {}): Promise<DiskUsage> {
    return this.#run('measure images', options, async () => {
      const state = await this.#record.read();
      const marked = await this.#facts.mark(state.roots);
      const blobs = await this.#files.blobs();
      const heldBytes = sum(await this.#held.extraBlobs());
      return {
        images: new Set([...state.manifests.values()].map(({ id }) => id)).size,
        blobs: blobs.length,
        bytes: sum(blobs) + heldBytes,
        heldBytes,
        reclaimableBytes: sum(blobs.filter(({ digest }) => !marked.has(digest))),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
  }

  async #admit({ name, items }: ImageSource): Promise<void> {
    const { admit } = this.#options;
    if (!admit) return;
    const usedBytes = sum(await this.#files.blobs()) + sum(await this.#held.extraBlobs());
    await admit({ name, bytes: bytesOf(items), usedBytes });
  }

  async *#archiveOf(images: readonly SavedImage[], options: AbortOptions): ByteStream {
    try {
      await using workspace = await Workspace.open(this.#files);
      for (const { facts } of images) await this.#holdAll(workspace, facts);
      yield* saveArchive(images, (digest) => openStoredBlob(workspace.path(digest), digest, options), options);
    } catch (error) {
      throw asStoreError(error, this.folder, 'save images');
    }
  }

  /** Foreign layers are not here, and need not be. */
  async #holdAll(workspace: Workspace, { blobs }: ManifestFacts): Promise<void> {
    for (const digest of blobs.keys()) await workspace.hold(digest);
  }

  #tell(event: ImageStoreEvent): void {
    this.#onEvent?.(event);
  }

  async #run<T>(
    operation: string,
    options: AbortOptions,
    work: () => Promise<T>,
    ownOptions: Readonly<Record<string, Kind>> = {},
  ): Promise<T> {
    assertOptions('options', options, { optional: { signal: aSignal, ...ownOptions } });
    options.signal?.throwIfAborted();
    if (this.#isClosed) throw new ImageStoreError('ERR_IMAGE_STORE_UNAVAILABLE', 'The image store is closed');
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error, this.folder, operation);
    }
  }
}

function sum(blobs: readonly { readonly size: number }[]): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}
