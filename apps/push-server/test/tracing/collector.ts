import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeTraces } from './decode-traces.ts';

/** A span as a collector gets it. */
export interface CollectedSpan {
  readonly name: string;
  /** 2 of a server, 3 of a client, 5 of a consumer. */
  readonly kind: number;
  readonly traceID: string;
  readonly id: string;
  readonly parent: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Undefined where it has not failed. */
  readonly error: string | undefined;
  readonly service: unknown;
}

/** What takes traces by OTLP over HTTP, as JSON or as protocol buffers. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** Headers of each delivery. */
  readonly deliveries: readonly NodeJS.Dict<string | string[]>[];
  /** Resolves with the first span that fits, now or later. */
  find(fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  /** The names on the way from a span to the last one that is known, itself first. */
  way(span: CollectedSpan): readonly string[];
}

/** @param isHanging it takes connections, and never answers */
export async function startCollector({ isHanging = false }: { readonly isHanging?: boolean } = {}): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const deliveries: NodeJS.Dict<string | string[]>[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    deliveries.push(request.headers);
    const body = await buffer(request);
    if (isHanging) return;
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    spans.push(...decodeTraces(bytes, String(request.headers['content-type'])));
    response.end();
    for (const look of waiting) look();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    deliveries,
    find: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = spans.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    way(span) {
      const names: string[] = [];
      for (let at: CollectedSpan | undefined = span; at !== undefined; ) {
        names.push(at.name);
        const { parent }: CollectedSpan = at;
        at = spans.find(({ id }) => id === parent);
      }
      return names;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
