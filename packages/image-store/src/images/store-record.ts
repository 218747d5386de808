import type { FileLock } from '@slipway/file-lock';
import { ReferenceStore } from '../layout/reference-store.ts';
import type { StoreFiles } from '../layout/store-files.ts';
import { type StoredManifest, StoreState } from '../layout/store-state.ts';
import { abandonedWorkspaces, Workspace } from '../layout/workspace.ts';
import { blobsGone } from './gone-with-images.ts';
import type { FactsReader } from './image-facts.ts';

/** Which images and names a store has, as its folder says: read by anybody, changed by one at a time. */
export class StoreRecord {
  readonly #files: StoreFiles;
  readonly #facts: FactsReader;
  readonly #onWarning: (message: string) => void;

  constructor(files: StoreFiles, facts: FactsReader, onWarning: (message: string) => void = () => {}) {
    this.#files = files;
    this.#facts = facts;
    this.#onWarning = onWarning;
  }

  /** Writes the record of an empty store where there is none. */
  async begin(): Promise<void> {
    const isThere = async (): Promise<boolean> => (await this.#files.read('index.json')) !== undefined;
    if (await isThere()) return;
    await this.#files.locked(async (lock) => {
      if (!(await isThere())) await this.#commit(new StoreState(), lock);
    });
  }

  async read(): Promise<StoreState> {
    // In this order: a digest noted in between is found by the next reader, one that lost its image is no digest of it.
    const text = await this.#files.read('repositories.json');
    let repositories: ReferenceStore | undefined;
    try {
      repositories = text === undefined ? undefined : ReferenceStore.parse(text);
    } catch {
      this.#onWarning(
        `repositories.json in ${JSON.stringify(this.#files.folder)} is damaged: the digests that registries gave ` +
          'images are forgotten',
      );
    }
    return StoreState.decode(await this.#files.read('index.json'), repositories);
  }

  /** Works on the state while nobody else does, then makes the change real, and deletes what it made superfluous. */
  async change<T>(work: (state: StoreState) => Promise<T>): Promise<T> {
    return await this.#files.locked(async (lock) => {
      const state = await this.read();
      const before = new Map(state.manifests);
      const result = await work(state);
      const gone = [...before.values()].filter(({ descriptor }) => !state.manifests.has(descriptor.digest));
      if (gone.length === 0) await this.#commit(state, lock);
      else await this.#commitAndSweep(state, gone, lock);
      return result;
    });
  }

  /**
   * `index.json` decides; a process that dies before it has written nothing, one that dies after has written all that
   * counts.
   */
  async #commit(state: StoreState, lock: FileLock): Promise<void> {
    await lock.assertHeld(); // stopped for long, this process may have lost it, and others have changed the store
    await this.#files.write('index.json', state.encodeIndex(), 0o644);
    await this.#files.write('repositories.json', state.references.encode(), 0o600);
  }

  async #commitAndSweep(state: StoreState, gone: readonly StoredManifest[], lock: FileLock): Promise<void> {
    // Where it cannot be told whose blobs the other images need, all stay until a garbage collection can tell.
    const superfluous = await blobsGone(gone, state, this.#facts).catch((error) => this.leaveOut(error) ?? []);
    // Noted first: who opens the store after a crash finds here what was to be removed.
    await using workspace = await Workspace.open(this.#files);
    for (const digest of superfluous) await workspace.note(digest);
    await this.#commit(state, lock);
    await this.#files.remove(superfluous);
  }

  /** What dead processes had brought in, or were about to remove, goes unless an image needs it. */
  async clearAbandoned(): Promise<void> {
    for await (const workspace of abandonedWorkspaces(this.#files)) {
      await this.#files
        .locked(async () => {
          const marked = await this.#facts.mark((await this.read()).roots);
          await this.#files.remove((await workspace.digests()).filter((digest) => !marked.has(digest)));
        })
        .catch((error: unknown) => this.leaveOut(error)); // damage of one image keeps nobody from the others
      await workspace[Symbol.asyncDispose]();
    }
  }

  /** Goes on without an image whose files cannot be read, and says so. */
  leaveOut(error: unknown): undefined {
    this.#onWarning(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
