import type { UploadSession } from '@slipway/registry-client';
import type { BlobMemory } from '../presence/memory.ts';

type Session = Pick<UploadSession, 'location' | 'offset'>;

export interface UploadPlaceOptions {
  readonly memory: BlobMemory;
  /** Names the bytes of the upload. */
  readonly subject: string;
  /** Bytes of a stream from one note to the next. */
  readonly stride: number;
}

/**
 * Where an upload can be gone on with, in the notes of its repository: for the next attempt, or for another process
 * when this one is killed.
 */
export class UploadPlace {
  readonly #options: UploadPlaceOptions;
  #noted = 0;
  #noting: Promise<void> = Promise.resolve();

  constructor(options: UploadPlaceOptions) {
    this.#options = options;
  }

  /** Notes the place that the registry has acknowledged, or, for a beginning, where it can be asked. */
  async note({ location, offset }: Session): Promise<void> {
    const { memory, subject } = this.#options;
    this.#noted = offset;
    await this.#noting;
    await memory.saveSession(subject, { location, offset });
  }

  /** Notes now and then how far a stream is, which the registry acknowledges at its end only. Nobody waits for it. */
  passed({ location }: Session, sent: number): void {
    const { memory, subject, stride } = this.#options;
    if (sent - this.#noted < stride) return;
    this.#noted = sent;
    this.#noting = this.#noting.then(() => memory.saveSession(subject, { location, offset: sent }));
  }

  /** There is nothing to go on with. */
  async drop(): Promise<void> {
    const { memory, subject } = this.#options;
    await this.#noting;
    await memory.dropSession(subject);
  }
}
