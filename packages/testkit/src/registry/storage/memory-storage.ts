import type { ByteStream, Digest } from '@slipway/digest';
import type { RegistryStorage, UploadFile } from './storage.ts';

/** Keeps everything in memory, and nothing after disposal. */
export function createMemoryStorage(): RegistryStorage {
  const contents = new Map<Digest, MemoryContent>();
  return {
    sizeOf: async (digest) => contents.get(digest)?.size,
    read: (digest, range) => contents.get(digest)?.read(range) ?? empty(),
    remove: async (digest) => void contents.delete(digest),
    beginUpload: async () => new MemoryUpload(contents),
    // The registry's own index is the memory: links need no second home.
    setLink: async () => {},
    removeLink: async () => {},
    load: async () => ({ links: [], uploads: [] }),
    [Symbol.asyncDispose]: async () => contents.clear(),
  };
}

class MemoryContent {
  size = 0;
  readonly chunks: Uint8Array[] = [];

  append(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.size += chunk.byteLength;
  }

  async *read({ from, to }: { from: number; to: number } = { from: 0, to: this.size }): AsyncGenerator<Uint8Array> {
    let offset = 0;
    for (const chunk of this.chunks) {
      const end = offset + chunk.byteLength;
      if (end > from && offset < to) yield chunk.subarray(Math.max(0, from - offset), Math.min(to, end) - offset);
      offset = end;
    }
  }
}

class MemoryUpload implements UploadFile {
  readonly #contents: Map<Digest, MemoryContent>;
  #content = new MemoryContent();

  constructor(contents: Map<Digest, MemoryContent>) {
    this.#contents = contents;
  }

  get size(): number {
    return this.#content.size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#content.append(chunk);
  }

  read(): ByteStream {
    return this.#content.read();
  }

  async truncate(): Promise<void> {
    this.#content = new MemoryContent();
  }

  async commit(digest: Digest): Promise<void> {
    this.#contents.set(digest, this.#content);
  }

  async discard(): Promise<void> {
    this.#content = new MemoryContent();
  }
}

async function* empty(): AsyncGenerator<Uint8Array> {}
