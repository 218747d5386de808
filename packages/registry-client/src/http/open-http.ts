import type { Dispatcher } from 'undici/index.js';
import type { ResolvedRegistryOptions } from '../options.ts';
import { AddressBook } from './address-book.ts';
import { createDirectDispatcher } from './direct-dispatcher.ts';
import { HTTPClient } from './http-client.ts';
import { createRequestPace } from './request-pace.ts';

/** Makes what requests to one registry go through. Whoever asks destroys the dispatcher in the end. */
export function openHTTP(options: ResolvedRegistryOptions): {
  readonly http: HTTPClient;
  readonly dispatcher: Dispatcher;
} {
  const { timeouts, tls, connections, maxHeaderSize, onRequest, userAgent, lookup } = options;
  const addresses = new AddressBook(lookup);
  const dispatcher = (options.dispatcher ?? createDirectDispatcher)({
    tls,
    connections,
    maxHeaderSize,
    connectTimeoutMs: timeouts.connectMs,
    tlsTimeoutMs: timeouts.tlsMs,
    lookup: addresses.connectLookup,
  });
  const pace = createRequestPace(options.maxRequestsPerSecond);
  return { http: new HTTPClient({ dispatcher, onRequest, addresses, userAgent, pace }), dispatcher };
}
