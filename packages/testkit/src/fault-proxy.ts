import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What the network between client and registry does. All of it may be changed while the proxy runs. */
export interface NetworkFaults {
  /** Added to every request: before the first bytes that follow an answer, or a connection's start. @default 0 */
  readonly latencyMs?: number | undefined;
  /** For each direction, over all connections together. @default no limit */
  readonly bytesPerSecond?: number | undefined;
  /** Cuts a connection once it has carried so many bytes to the target; they do arrive. @default never */
  readonly cutAfterSent?: number | undefined;
  /** Cuts a connection once it has carried so many bytes from the target. @default never */
  readonly cutAfterReceived?: number | undefined;
  /** Connections to cut; those after them live. @default all */
  readonly cuts?: number | undefined;
}

export interface FaultProxyOptions extends NetworkFaults {
  /** Host and port to pass everything on to: `registry.host`. */
  readonly target: string;
}

/** A stretch of bad network in front of a server. Leaving scope closes it, with every connection. */
export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:41235`. */
  readonly host: string;
  /** Connections made so far. */
  readonly connections: number;
  /** Connections cut so far. */
  readonly cuts: number;
  /** Bytes carried to the target. */
  readonly bytesSent: number;
  /** Bytes carried from the target. */
  readonly bytesReceived: number;
  /** Changes what the network does from now on; what is not named goes back to its default. */
  change(faults: NetworkFaults): void;
  /** Cuts every connection there is, now. */
  cutAll(): void;
}

/** Starts a TCP proxy on a free port of the loopback. TLS passes through it unseen. */
export async function faultProxy({ target, ...initial }: FaultProxyOptions): Promise<FaultProxy> {
  const [, targetHost = '', targetPort = ''] = /^(.+):(\d+)$/.exec(target) ?? [];
  if (targetPort === '') throw new TypeError(`Expected \`target\` to be host:port, got ${JSON.stringify(target)}`);
  let faults: NetworkFaults = initial;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // as many as there are requests in the proxy
  const sockets = new Set<Socket>();
  const counts = { connections: 0, cuts: 0, sent: 0, received: 0 };
  const lanes = { sent: new Lane(), received: new Lane() };

  const server = createServer((client) => {
    counts.connections += 1;
    const upstream = connect(Number(targetPort), targetHost);
    const pair = [client, upstream];
    for (const socket of pair) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        for (const other of pair) other.destroy();
      });
      socket.on('error', () => {}); // the other end hears of it by the close
    }
    // Whether the last bytes of the connection came from the target: then the next ones to it begin a request.
    const turn = { isRequestDue: true };
    void carry(client, upstream, 'sent', turn);
    void carry(upstream, client, 'received', turn);
  });

  /** Passes chunks on one by one, each only when the network is ready for it and the other side has taken the last. */
  async function carry(
    from: Socket,
    to: Socket,
    direction: 'sent' | 'received',
    turn: { isRequestDue: boolean },
  ): Promise<void> {
    let carried = 0;
    try {
      for await (const chunk of from as AsyncIterable<Uint8Array>) {
        if (direction === 'sent' && turn.isRequestDue && faults.latencyMs) {
          await wait(faults.latencyMs, undefined, { signal: closing.signal });
        }
        turn.isRequestDue = direction === 'received';
        const { cutAfterSent, cutAfterReceived, cuts = Number.POSITIVE_INFINITY } = faults;
        const limit = counts.cuts < cuts ? (direction === 'sent' ? cutAfterSent : cutAfterReceived) : undefined;
        const passed = chunk.subarray(0, Math.max(0, (limit ?? Number.POSITIVE_INFINITY) - carried));
        for (const piece of piecesOf(passed, faults.bytesPerSecond)) {
          await lanes[direction].pass(piece.byteLength, faults.bytesPerSecond, closing.signal);
          carried += piece.byteLength;
          counts[direction] += piece.byteLength;
          if (!to.write(piece)) await once(to, 'drain', { signal: closing.signal });
        }
        if (limit !== undefined && carried >= limit) return cut(from, to, direction);
      }
      to.end();
    } catch {
      // One side left, or the proxy closes: both connections end with it.
      from.destroy();
      to.destroy();
    }
  }

  function cut(from: Socket, to: Socket, direction: 'sent' | 'received'): void {
    counts.cuts += 1;
    const client = direction === 'sent' ? from : to;
    // What was carried shall arrive: the far side is closed in order, the client's is torn.
    if (direction === 'sent') to.end(() => client.destroy());
    else to.end(() => from.destroy());
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    host: `127.0.0.1:${port}`,
    get connections() {
      return counts.connections;
    },
    get cuts() {
      return counts.cuts;
    },
    get bytesSent() {
      return counts.sent;
    },
    get bytesReceived() {
      return counts.received;
    },
    change(next) {
      faults = next;
    },
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** One direction of the network: bytes leave it no faster than the limit, whichever connection they belong to. */
class Lane {
  #freeAt = 0;

  async pass(bytes: number, bytesPerSecond: number | undefined, signal: AbortSignal): Promise<void> {
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes / bytesPerSecond) * 1000;
    // Timers are no finer than this: shorter waits are made up for by the next one.
    if (this.#freeAt - now > 2) await wait(this.#freeAt - now, undefined, { signal });
  }
}

/** Pieces of a fiftieth of a second at most, so that a slow network is slow and not jerky. */
function* piecesOf(chunk: Uint8Array, bytesPerSecond = Number.POSITIVE_INFINITY): Generator<Uint8Array> {
  const step = Math.max(1024, Math.ceil(bytesPerSecond / 50));
  for (let at = 0; at < chunk.byteLength; at += step) yield chunk.subarray(at, at + step);
}
