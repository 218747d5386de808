import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { buildConnector } from 'undici/index.js';
import { readResponseHead } from '../answer/response-head.ts';

/** Bytes of a head that are held back at most: whoever reads them has a limit of its own, and says so. */
const maxHeldBytes = 262_144;

const connections = new WeakMap<Socket, Connection>();
/** Failures of connections that had served a request before. */
const failures = new WeakSet<object>();
let isWatching = false;

/** Has a connector make connections that take what clients have to take, and that are known again when they fail. */
export function watchedConnector(connect: buildConnector.connector): buildConnector.connector {
  if (!isWatching) {
    isWatching = true;
    // Undici says only here which connection a request goes on, before its first byte.
    subscribe('undici:client:sendHeaders', (message) => {
      connections.get((message as { readonly socket: Socket }).socket)?.beginRequest();
    });
  }
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null);
      if (!connections.has(socket)) connections.set(socket, new Connection(socket));
      callback(null, socket);
    });
  };
}

/**
 * Whether a request failed because a connection was closed that had been kept from an earlier one. Peers close those
 * when they please, also at the very moment of their next use: that says nothing of the request.
 */
export function wasKept(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (failures.has(cause)) return true;
  return false;
}

/** One connection, which carries one request after the other. */
class Connection {
  readonly #read: () => Uint8Array | null;
  #requests = 0;
  #isInHead = false;
  #held = '';

  constructor(socket: Socket) {
    socket.prependListener('error', (error) => {
      if (this.#requests > 1) failures.add(error);
    });
    // Bun copies all that is written together into one piece, which Node hands to the system as it lies: there, each
    // piece of a body goes by itself.
    if (process.versions['bun'] !== undefined) Object.assign(socket, { _writev: undefined });
    this.#read = socket.read.bind(socket);
    // The one method by which undici takes bytes from a connection.
    socket.read = (size?: number) =>
      size === undefined ? this.#next() : (socket.constructor.prototype as Socket).read.call(socket, size);
  }

  /** The next bytes are the head of an answer. */
  beginRequest(): void {
    this.#requests += 1;
    this.#isInHead = true;
  }

  #next(): Uint8Array | null {
    for (;;) {
      const chunk = this.#read();
      if (chunk === null || !this.#isInHead) return chunk;
      this.#held += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      const bytes = this.#release();
      if (bytes !== undefined) return bytes;
    }
  }

  /** What may go on of the bytes held; undefined while the head is not complete. */
  #release(): Uint8Array | undefined {
    for (;;) {
      const reading = readResponseHead(this.#held);
      if (reading.kind === 'interim') {
        this.#held = this.#held.slice(reading.end);
        if (this.#held !== '') continue;
        return undefined;
      }
      if (reading.kind === 'partial' && this.#held.length <= maxHeldBytes) return undefined;
      const text = reading.kind === 'final' ? reading.head + this.#held.slice(reading.end) : this.#held;
      this.#held = '';
      this.#isInHead = false;
      return Buffer.from(text, 'latin1');
    }
  }
}
