import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Requests that have been sent on each connection. */
const requestsOn = new WeakMap<Socket, number>();
/** Failures of connections that had served a request before. */
const failures = new WeakSet<object>();
let isWatching = false;

/** Begins to tell new connections from kept ones: undici says only here on which connection a request goes. */
export function watchConnections(): void {
  if (isWatching) return;
  isWatching = true;
  subscribe('undici:client:sendHeaders', (message) => {
    const { socket } = message as { readonly socket: Socket };
    const sent = requestsOn.get(socket);
    requestsOn.set(socket, (sent ?? 0) + 1);
    if (sent !== undefined) return;
    socket.prependListener('error', (error) => {
      if ((requestsOn.get(socket) ?? 0) > 1) failures.add(error);
    });
  });
}

/**
 * Whether a request failed because a connection was closed that had been kept from an earlier one. Peers close those when
 * they please, also at the very moment of their next use: that says nothing of the request.
 */
export function wasKept(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (failures.has(cause)) return true;
  return false;
}
