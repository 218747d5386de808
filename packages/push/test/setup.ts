import {
  type ByteStream,
  type Compressor,
  contentOf,
  createGzipCompressor,
  type Digest,
  digestBytes,
} from '@slipway/digest';
import type { SourceImage, SourceItem, SourceLayer } from '@slipway/image-source';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import { mediaTypes } from '@slipway/manifest';
import { computeHmacKey, createMemoryMetadataStore, type MetadataStore } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { openRegistry, type Registry, type RequestRecord } from '@slipway/registry-client';
import { type EmbeddedRegistry, startRegistry } from '@slipway/testkit';
import { createTransferManager, type TransferManager } from '@slipway/transfer';
import {
  createPusher,
  type Destination,
  type PushAllOptions,
  type PushDelivery,
  type PushEvent,
  type PushOptions,
  type PushResult,
} from '../src/index.ts';
import type { PusherOptions } from '../src/push.ts';

/** Bytes that compress like text, the same for one seed. */
export function textBytes(seed: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = 97 + ((state >>> 24) % 7);
  }
  return bytes;
}

/** Bytes that do not shrink, the same for one size. */
export function noiseBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function plainLayer(bytes: Uint8Array): SourceLayer {
  return { diffID: digestBytes(bytes), content: contentOf(bytes), compression: 'none', descriptor: undefined };
}

/** An image as a docker archive gives it: no manifest, uncompressed layers. */
export function imageOf(
  layers: readonly SourceLayer[],
  { names = [], comment = '' }: { readonly names?: readonly string[]; readonly comment?: string } = {},
): SourceImage {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    comment,
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
    history: layers.map(() => ({ created_by: 'test' })),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(config));
  return {
    kind: 'image',
    names,
    platform: { architecture: 'amd64', os: 'linux' },
    config: { mediaType: mediaTypes.dockerConfig, digest: digestBytes(bytes), bytes },
    layers,
    manifest: undefined,
  };
}

export function randomImage(seed: number, sizes: readonly number[] = [3000, 50_000, 200_000]): SourceImage {
  return imageOf(sizes.map((size, at) => plainLayer(textBytes(seed * 100 + at, size))));
}

/** A compressor that counts what it is asked to compress. */
export function countingCompressor(
  compressor: Compressor = createGzipCompressor(),
): Compressor & { readonly runs: () => number } {
  let runs = 0;
  return {
    compression: compressor.compression,
    recipe: compressor.recipe,
    runs: () => runs,
    compress(source: ByteStream, options) {
      runs += 1;
      return compressor.compress(source, options);
    },
  };
}

/** Until the requests that were written before, and perhaps cut at once, have been read by a server of this process. */
export async function arrivals(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A registry whose requests can be looked at. */
export interface WatchedRegistry extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  readonly requests: readonly { readonly method: string; readonly path: string; readonly query: URLSearchParams }[];
}

export interface Bench<Server extends WatchedRegistry = EmbeddedRegistry> extends AsyncDisposable {
  readonly registry: Server;
  readonly store: MetadataStore;
  readonly transfers: TransferManager;
  readonly gzip: ReturnType<typeof countingCompressor>;
  readonly events: PushEvent[];
  readonly records: RequestRecord[];
  push(item: SourceItem, references: string | readonly string[], options?: PushOptions): Promise<readonly PushResult[]>;
  pushAll(deliveries: readonly PushDelivery[], options?: PushAllOptions): Promise<readonly (readonly PushResult[])[]>;
  destination(reference: string): Destination;
  /** `METHOD kind` of each request since the last look. */
  requests(): string[];
}

/** A pusher with an embedded registry, a memory of its own, and waits that take no time. */
export async function openBench(options: Partial<PusherOptions> = {}): Promise<Bench> {
  return benchAt(await startRegistry(), options);
}

/** The same with a registry that is there. Leaving scope ends the registry too. */
export async function benchAt<Server extends WatchedRegistry>(
  registry: Server,
  options: Partial<PusherOptions> = {},
): Promise<Bench<Server>> {
  const store = options.metadataStore ?? createMemoryMetadataStore();
  const transfers = createTransferManager();
  const gzip = countingCompressor();
  const events: PushEvent[] = [];
  const records: RequestRecord[] = [];
  const clients: Registry[] = [];
  const pusher = createPusher({
    transfers,
    metadataStore: store,
    layerCache: createMemoryLayerCache({ maxBytes: 256 * 1024 * 1024 }),
    gzip,
    retry: { backoff: () => 1 },
    ...options,
  });
  const destination = (text: string): Destination => {
    const reference = parseReference(`${registry.host}/${text}`, { defaultTag: 'latest' });
    const client = openRegistry({ url: registry.url, onRequest: (record) => records.push(record) });
    clients.push(client);
    return {
      reference,
      identify: async () => ({ hmacKey: computeHmacKey({}), hasAuthInfo: false }),
      endpoints: [
        {
          url: new URL(registry.url),
          async connect({ signal } = {}) {
            await client.ping({ signal });
            return client.repository(reference.repository);
          },
        },
      ],
    };
  };
  let seen = 0;
  return {
    registry,
    store,
    transfers,
    gzip,
    events,
    records,
    destination,
    push: (image, references, pushOptions = {}) =>
      pusher.push(image, [references].flat().map(destination), {
        onEvent: (event) => events.push(event),
        ...pushOptions,
      }),
    pushAll: (deliveries, pushOptions = {}) =>
      pusher.pushAll(deliveries, { onEvent: (event) => events.push(event), ...pushOptions }),
    requests() {
      const fresh = registry.requests.slice(seen);
      seen = registry.requests.length;
      return fresh.map(({ method, path }) => `${method} ${kindOf(path)}`);
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await transfers[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

export function kindOf(path: string): string {
  if (path === '/v2/') return 'ping';
  return /\/(manifests|tags|blobs\/uploads|blobs)\//.exec(path)?.[1] ?? path;
}

export function countOf(requests: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of requests) counts[request] = (counts[request] ?? 0) + 1;
  return counts;
}

export function outcomes(events: readonly PushEvent[]): Record<string, number> {
  return countOf(
    events.map(({ type }) => type).filter((type) => /^blob:(existed|mounted|pushed|skipped|retrying)$/.test(type)),
  );
}

export function digestOf(results: readonly PushResult[], at = 0): Digest {
  const result = results[at];
  if (result?.ok !== true) throw result?.error ?? new Error('no result');
  return result.digest;
}

/** A clock that lets nobody wait. */
export function instant(slept: number[] = []): { now(): number; sleep(ms: number): Promise<void> } {
  return {
    now: () => 0,
    sleep: async (ms) => {
      slept.push(ms);
    },
  };
}
