import type { ResolvedRegistryOptions } from '../options.ts';
import { AddressBook } from './connection/address-book.ts';
import { createDirectDispatcher } from './connection/direct-dispatcher.ts';
import { HostDispatchers } from './connection/host-dispatchers.ts';
import { HTTPClient } from './http-client.ts';
import { createRequestPace } from './request/request-pace.ts';

/** Makes what requests to one registry go through. Whoever asks destroys the dispatchers in the end. */
export function openHTTP(options: ResolvedRegistryOptions): {
  readonly http: HTTPClient;
  readonly dispatchers: HostDispatchers;
} {
  const { url, timeouts, tls, connectTo, connections, maxHeaderSize, onRequest, userAgent, lookup } = options;
  const addresses = new AddressBook(lookup);
  const make = options.dispatcher ?? createDirectDispatcher;
  const dispatchers = new HostDispatchers({
    url,
    tls,
    connectTo,
    make: (material) =>
      make({
        registry: options.name,
        tls: material,
        connections,
        maxHeaderSize,
        connectTimeoutMs: timeouts.connectMs,
        tlsTimeoutMs: timeouts.tlsMs,
        lookup: addresses.connectLookup,
      }),
  });
  const pace = createRequestPace(options.maxRequestsPerSecond);
  return { http: new HTTPClient({ dispatchers, registry: url, onRequest, addresses, userAgent, pace }), dispatchers };
}
