import type { ServerResponse } from 'node:http';
import { stayOpen } from '../../http/let-go.ts';
import { encodeRecord, type StreamRecord } from './stream-record.ts';

/**
 * A streamed answer that never waits for its reader: while the reader is slow, a layer's newest record replaces the one
 * that has not been written yet, so that what is kept is bounded by the number of layers.
 */
export class DockerStream {
  readonly #response: ServerResponse;
  /** Not written yet, in order; an action stands under its layer's id. */
  readonly #waiting = new Map<string | number, StreamRecord>();
  #serial = 0;
  #isBlocked = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('drain', () => {
      this.#isBlocked = false;
      this.#flush();
    });
  }

  /** Whether the answer has begun, after which an error can only be a record of it. */
  get hasBegun(): boolean {
    return this.#response.headersSent || this.#serial > 0;
  }

  write(record: StreamRecord): void {
    this.#serial += 1;
    if (record.kind === 'action') {
      this.#waiting.delete(record.id); // to the end: it is the newest
      this.#waiting.set(record.id, record);
    } else {
      this.#waiting.set(this.#serial, record);
    }
    this.#flush();
  }

  /** Writes what is left and ends the answer. Resolves once the reader has it all, or is gone. */
  async end(): Promise<void> {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    this.#begin();
    for (const record of this.#waiting.values()) response.write(encodeRecord(record));
    this.#waiting.clear();
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.end(resolve);
    });
  }

  #begin(): void {
    if (this.#response.headersSent) return;
    stayOpen(this.#response);
    this.#response.writeHead(200, { 'content-type': 'application/json' });
  }

  #flush(): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) {
      this.#waiting.clear(); // nobody reads any more; the work goes on for those who share it
      return;
    }
    this.#begin();
    for (const [key, record] of this.#waiting) {
      if (this.#isBlocked) return;
      this.#waiting.delete(key);
      this.#isBlocked = !response.write(encodeRecord(record));
    }
  }
}
