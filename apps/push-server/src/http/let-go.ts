import type { IncomingMessage, ServerResponse } from 'node:http';

/** So long a body that nobody wants is read on. */
const lingerMs = 2_000;

/** For an answer that comes ahead of the body's end: Node would close the connection with it, where that was asked. */
export function stayOpen(response: ServerResponse): void {
  if (!response.req.complete) response.shouldKeepAlive = true;
}

/** Ends the connection with the answer, where the client has sent all there is: before, it would not get to it. */
export function endConnection(response: ServerResponse): void {
  if (response.req.complete) response.setHeader('connection', 'close');
}

/**
 * A body that nobody wants any more is read for a moment, so that the client, which may send all of it before it reads,
 * gets to its answer; and then the connection is cut off, as whoever has not sent it all would hold it.
 */
export function letGo(request: IncomingMessage): void {
  const { socket } = request;
  const endAsAsked = (): void => {
    if (/\bclose\b/i.test(request.headers.connection ?? '')) socket.end();
  };
  if (request.complete) {
    endAsAsked();
    return;
  }
  if (request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  const stay = (): void => clearTimeout(timer);
  request.once('close', stay).once('end', () => {
    stay();
    endAsAsked();
  });
}
