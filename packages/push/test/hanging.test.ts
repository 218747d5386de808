import { createGzipCompressor } from '@slipway/digest';
import { createMemoryLayerCache, type LayerCache, type LayerCacheWriter } from '@slipway/layer-cache';
import { createMemoryMetadataStore, type MetadataStore, type SessionRecord } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { type BeginUploadResult, openRegistry, type Repository } from '@slipway/registry-client';
import { type EmbeddedRegistry, startRegistry } from '@slipway/testkit';
import { createTransferManager } from '@slipway/transfer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPusher, type Destination, type Endpoint, type PushOptions, type Signer } from '../src/index.ts';
import type { PusherOptions } from '../src/push.ts';
import { randomImage } from './setup.ts';

let registry: EmbeddedRegistry;
let client: ReturnType<typeof openRegistry>;
beforeAll(async () => {
  registry = await startRegistry();
  client = openRegistry({ url: registry.url });
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

interface Parts {
  readonly pusher?: Partial<PusherOptions>;
  readonly destination?: (made: Destination) => Destination;
  readonly options?: PushOptions;
}

/** Called when what hangs is called. */
type Begun = () => void;

/** `port` with one method that never answers. */
function hanging<Port extends object>(port: Port, name: keyof Port, answer: () => unknown): Port {
  return new Proxy(port, {
    get(target, key) {
      if (key === name) return answer;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const never = (begun: Begun) => (): Promise<never> => {
  begun();
  return new Promise(() => {});
};

const store =
  (name: keyof MetadataStore) =>
  (begun: Begun): Parts => ({
    pusher: { metadataStore: hanging(createMemoryMetadataStore(), name, never(begun)) },
  });
const cache =
  (name: keyof LayerCache) =>
  (begun: Begun): Parts => ({
    pusher: { layerCache: hanging(createMemoryLayerCache(), name, never(begun)) },
  });
const viaEndpoint = (change: (endpoint: Endpoint) => Endpoint): Parts => ({
  destination: (made) => ({ ...made, endpoints: made.endpoints.map(change) }),
});
const repository =
  (name: keyof Repository, answer: (begun: Begun) => () => unknown = never) =>
  (begun: Begun): Parts =>
    viaEndpoint((endpoint) => ({
      ...endpoint,
      connect: async (options) => hanging(await endpoint.connect(options), name, answer(begun)),
    }));

const signer =
  (name: keyof Signer) =>
  (begun: Begun): Parts => {
    const plain: Signer = { sign: async () => ({ bytes: new Uint8Array(8) }), verify: async () => false };
    return { options: { signing: { signer: { ...plain, [name]: never(begun) } } } };
  };

const rows: readonly (readonly [string, (begun: Begun) => Parts])[] = [
  ['endpoint.connect', (begun) => viaEndpoint((endpoint) => ({ ...endpoint, connect: never(begun) }))],
  [
    'endpoint.ping',
    (begun) => ({
      ...viaEndpoint((endpoint) => ({ ...endpoint, ping: never(begun) })),
      options: { protocol: 'auto' },
    }),
  ],
  [
    'v1Endpoint.open',
    (begun) => ({
      destination: (made) => ({ ...made, v1Endpoints: [{ url: new URL(registry.url), open: never(begun) }] }),
      options: { protocol: 'v1' },
    }),
  ],
  ['destination.identify', (begun) => ({ destination: (made) => ({ ...made, identify: never(begun) }) })],
  ['metadataStore.layerRecords', store('layerRecords')],
  ['metadataStore.tagAndAdd', store('tagAndAdd')],
  ['metadataStore.takeSession', store('takeSession')],
  ['layerCache.find', cache('find')],
  ['layerCache.begin', cache('begin')],
  ['repository.beginUpload', repository('beginUpload')],
  ['repository.statManifest', repository('statManifest')],
  ['repository.putManifest', repository('putManifest')],
  ['sharedTurns.take', (begun) => ({ pusher: { sharedTurns: { take: never(begun) } } })],
  ['signer.sign', signer('sign')],
  ['trustKey', (begun) => ({ pusher: { trustKey: never(begun) }, options: { format: 'schema1' } })],
];

let pushes = 0;

/** Pushes with these parts, aborts once something hangs, and resolves with what the push rejected with. */
async function abortWhenBegun(make: (begun: Begun) => Parts): Promise<unknown> {
  const controller = new AbortController();
  let begin: Begun = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const { pusher = {}, destination = (made) => made, options = {} } = make(begin);
  await using transfers = createTransferManager();
  pushes += 1;
  const reference = parseReference(`${registry.host}/hanging/app${pushes}:1`);
  const made = destination({
    reference,
    endpoints: [{ url: new URL(registry.url), connect: async () => client.repository(reference.repository) }],
  });
  const pushed = createPusher({
    transfers,
    gzip: createGzipCompressor(),
    layerCache: createMemoryLayerCache(),
    ...pusher,
  })
    .push(randomImage(pushes), [made], { ...options, signal: controller.signal })
    .catch((error: unknown) => error);
  await begun;
  controller.abort(new Error('enough'));
  return await pushed;
}

describe.concurrent('a push that is aborted ends with the reason, though this never answers:', () => {
  test.each(rows)('%s', async (_, make) => {
    expect(await abortWhenBegun(make)).toMatchObject({ message: 'enough' });
  });
});

/** Answers when it is told to. */
function later<T>(begun: Begun): { readonly ask: () => Promise<T>; readonly answer: (value: T) => void } {
  let answer = (_: T): void => {};
  const promise = new Promise<T>((resolve) => {
    answer = resolve;
  });
  return {
    ask() {
      begun();
      return promise;
    },
    answer: (value) => answer(value),
  };
}

describe('what comes when the push has ended is let go:', () => {
  test('an upload session is cancelled', async () => {
    let late: ReturnType<typeof later<BeginUploadResult>> | undefined;
    const make = repository('beginUpload', (begun) => {
      late = later(begun);
      return late.ask;
    });
    expect(await abortWhenBegun(make)).toMatchObject({ message: 'enough' });
    const begun = await client.repository('hanging/late').beginUpload();
    expect(registry.sessions()).toHaveLength(1);
    late?.answer(begun);
    await expect.poll(() => registry.sessions(), { timeout: 25_000 }).toEqual([]);
  });

  test('a writer of the layer cache is closed', async () => {
    let late: ReturnType<typeof later<LayerCacheWriter | undefined>> | undefined;
    const make = (begun: Begun): Parts => {
      late ??= later(begun);
      return { pusher: { layerCache: hanging(createMemoryLayerCache(), 'begin', late.ask) } };
    };
    expect(await abortWhenBegun(make)).toMatchObject({ message: 'enough' });
    let isClosed = false;
    const close = async (): Promise<void> => {
      isClosed = true;
    };
    late?.answer({ [Symbol.asyncDispose]: close } as unknown as LayerCacheWriter);
    await expect.poll(() => isClosed, { timeout: 25_000 }).toBe(true);
  });

  test('the record of a session is put back', async () => {
    const memory = createMemoryMetadataStore();
    let late: ReturnType<typeof later<SessionRecord | undefined>> | undefined;
    const make = (begun: Begun): Parts => {
      late ??= later(begun);
      return { pusher: { metadataStore: hanging(memory, 'takeSession', late.ask) } };
    };
    expect(await abortWhenBegun(make)).toMatchObject({ message: 'enough' });
    const record: SessionRecord = {
      repository: 'r.example/demo',
      subject: 'sha256:a',
      location: 'https://r.example/session',
      offset: 5,
      updatedAt: Date.now(),
    };
    late?.answer(record);
    await expect
      .poll(() => memory.session(record.repository, record.subject), { timeout: 25_000 })
      .toMatchObject({ offset: 5 });
  });
});
