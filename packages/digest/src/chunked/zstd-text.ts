import { zstdOnThreads } from '../threads/zstd-threads.ts';

const blockSize = 1024 * 1024;

/** A text that is compressed while it grows, so that little of it is held. */
export class ZstdText {
  readonly #level: number;
  readonly #frames: Promise<Uint8Array>[] = [];
  #text: string[] = [];
  #length = 0;
  #size = 0;

  constructor(level: number) {
    this.#level = level;
  }

  append(text: string): void {
    this.#text.push(text);
    this.#length += text.length;
    if (this.#length >= blockSize) this.#flush();
  }

  /** All frames, and how many bytes they unpack to. */
  async end(): Promise<{ readonly compressed: Uint8Array; readonly size: number }> {
    this.#flush();
    const compressed = new Uint8Array(Buffer.concat(await Promise.all(this.#frames)));
    return { compressed, size: this.#size };
  }

  #flush(): void {
    if (this.#length === 0) return;
    const bytes = new TextEncoder().encode(this.#text.join(''));
    this.#size += bytes.byteLength;
    this.#text = [];
    this.#length = 0;
    const frame = zstdOnThreads(bytes, [bytes.byteLength], this.#level).then(({ made }) => made);
    frame.catch(() => {}); // whoever waits for all of them hears of it
    this.#frames.push(frame);
  }
}
