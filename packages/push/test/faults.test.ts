import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { contentOf, createGzipCompressor, digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { createMemoryLayerCache, type LayerCache } from '@slipway/layer-cache';
import { mediaTypes } from '@slipway/manifest';
import { parseReference } from '@slipway/reference';
import { openRegistry } from '@slipway/registry-client';
import {
  type AuthOptions,
  type EmbeddedRegistry,
  type Misbehaviour,
  requireTool,
  startRegistry,
  testCertificates,
} from '@slipway/testkit';
import { type Clock, createTransferManager } from '@slipway/transfer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPusher, type PushEvent, type PushResult } from '../src/index.ts';
import { chunkSize, type Fault, faults, layerSize } from './faults-table.ts';
import { imageOf, noiseBytes, plainLayer } from './setup.ts';

const users = { me: 'secret-word' };
/** A moment that is a whole second, as HTTP dates are. */
const epochMs = Date.UTC(2026, 0, 1);

/** What goes over the wire is as long as the layer: it does not shrink. */
const noise = noiseBytes(layerSize);
const compressed = new Uint8Array(gzipSync(noise));
let certificates: { readonly cert: string; readonly key: string } | undefined;

beforeAll(async () => {
  if (!requireTool('openssl')) certificates = await testCertificates();
});

let rows = 0;
afterAll(() => expect(rows === 0 || faults.length >= 60).toBe(true));

describe('a fault', () => {
  test.each(faults.map((fault) => [fault.name, fault] as const))('%s', async (_, fault) => {
    rows += 1;
    if (fault.network === 'untrusted certificate' && certificates === undefined) return;
    await using scene = await openScene(fault);
    const { result, waitedMs, needed } = await scene.push();
    if (fault.expected === 'pushed') {
      if (!result.ok) throw result.error;
      expect(scene.registry.tags('demo/app')).toEqual(['1']);
    } else {
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.error.message).toMatch(fault.expected);
      expect(scene.registry.tags('demo/app')).toEqual(fault.isTagged ? ['1'] : []);
    }
    expect(waitedMs).toBe(fault.waited ?? 0);
    if (!fault.isStuck) await scene.registry.settled();
    await scene.registry.verify();
    expect(scene.registry.sessions()).toHaveLength(fault.sessionsLeft ?? 0);
    const resent = taken(scene.registry) - needed;
    if (fault.expected === 'pushed') expect(resent).toBeLessThanOrEqual((fault.resent ?? 0) + slack(fault));
    expect(scene.stranger.requests.length > 0).toBe(fault.strangerAsked === true);
    for (const { headers } of scene.stranger.requests) expect(headers).not.toHaveProperty('authorization');
  });
});

/** Bodies that broke off at a limit were taken in pieces of the socket's own size. */
function slack({ resent }: Fault): number {
  return resent === undefined ? 0 : 65_536;
}

/** Bytes of blobs that the registry read. */
function taken(registry: EmbeddedRegistry): number {
  return registry.requests
    .filter(({ kind }) => kind === 'upload-patch' || kind === 'upload-put')
    .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}

interface Scene extends AsyncDisposable {
  readonly registry: EmbeddedRegistry;
  readonly stranger: EmbeddedRegistry;
  push(): Promise<{ readonly result: PushResult; readonly waitedMs: number; readonly needed: number }>;
}

async function openScene(fault: Fault): Promise<Scene> {
  const opened: AsyncDisposable[] = [];
  const use = <T extends AsyncDisposable>(resource: T): T => {
    opened.unshift(resource);
    return resource;
  };
  const isTLS = fault.network === 'untrusted certificate';
  const registry = use(
    await startRegistry({
      auth: authOf(fault),
      quirks: fault.quirks,
      chunkMinBytes: fault.chunkMinBytes,
      repositories: ['demo/app'],
      tls: isTLS ? certificates : undefined,
    }),
  );
  const stranger = use(await startRegistry());
  const clock = turnedClock();
  const dateIn = (seconds: number): string => new Date(epochMs + seconds * 1000).toUTCString();
  for (const rule of fault.rules?.({ stranger, dateIn }) ?? []) registry.misbehave(withRealm(rule, registry));
  const client = use(
    openRegistry({
      url: await urlOf(fault, registry, use),
      name: registry.host,
      credentials: async () =>
        fault.auth === undefined ? undefined : { kind: 'basic', username: 'me', password: 'secret-word' },
      timeouts: fault.impatient ? { metadataMs: 400, idleMs: 400, commitMs: 2_000, disposalMs: 1_000 } : {},
      now: () => epochMs + clock.now(),
    }),
  );
  const transfers = use(createTransferManager({ concurrency: 1 }));
  const pusher = createPusher({
    transfers,
    layerCache: layerCacheOf(fault),
    gzip: createGzipCompressor({ level: 1 }),
    chunkSize: fault.shape === 'chunks' ? chunkSize : undefined,
    retry: { clock, random: () => 0.5 },
  });
  const reference = parseReference(`${registry.host}/demo/app:1`);
  const connect = async (): Promise<ReturnType<typeof client.repository>> => {
    await client.ping();
    return client.repository('demo/app');
  };
  const endpoint = { url: new URL(registry.url), connect };
  const identify = async () => ({ hasAuthInfo: fault.auth !== undefined });
  const destination = { reference, identify, endpoints: [endpoint] };
  return {
    registry,
    stranger,
    async push() {
      const sizes = new Map<string, number>();
      const onEvent = (event: PushEvent): void => {
        if (event.type === 'blob:pushed') sizes.set(event.digest, event.size);
      };
      const [result] = await pusher.push(imageFor(fault), [destination], { onEvent, verify: 'digest' });
      if (result === undefined) throw new Error('unreachable: one destination, one result');
      const needed = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      return { result, waitedMs: clock.now(), needed };
    },
    async [Symbol.asyncDispose]() {
      for (const resource of opened) await resource[Symbol.asyncDispose]();
    },
  };
}

function authOf({ auth }: Fault): AuthOptions {
  return auth === undefined ? { kind: 'none' } : { kind: auth, users };
}

/** A clock that goes on only by being slept through. */
function turnedClock(): Clock {
  let nowMs = 0;
  return {
    now: () => nowMs,
    async sleep(delayMs, { signal } = {}) {
      signal?.throwIfAborted();
      nowMs += delayMs;
    },
  };
}

function withRealm(rule: Misbehaviour, { url }: EmbeddedRegistry): Misbehaviour {
  const challenge = rule.headers?.['www-authenticate'];
  if (challenge === undefined) return rule;
  return { ...rule, headers: { ...rule.headers, 'www-authenticate': challenge.replace('REALM', `${url}/token`) } };
}

async function urlOf(
  fault: Fault,
  registry: EmbeddedRegistry,
  use: (server: AsyncDisposable) => void,
): Promise<string> {
  switch (fault.network) {
    case undefined:
    case 'untrusted certificate':
      return registry.url;
    case 'unknown name':
      return 'http://registry.invalid';
    case 'nothing listens':
      return 'http://127.0.0.1:1';
    case 'not HTTP': {
      const server = createPlainServer((socket) => {
        socket.on('error', () => {});
        socket.end('220 mail.example ESMTP\r\n');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      use({ [Symbol.asyncDispose]: async () => void server.close() });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    }
    default:
      return fault.network satisfies never;
  }
}

function imageFor({ shape }: Fault): SourceImage {
  if (shape === 'stream') return imageOf([plainLayer(noise)]);
  const content = contentOf(compressed);
  const descriptor = {
    mediaType: mediaTypes.ociLayerGzip,
    digest: digestBytes(compressed),
    size: compressed.byteLength,
  };
  return imageOf([{ diffID: digestBytes(noise), content, compression: 'gzip', descriptor }]);
}

function layerCacheOf({ shape, local }: Fault): LayerCache | undefined {
  const cache = createMemoryLayerCache({ maxBytes: 1024 * 1024 });
  if (local === 'disk full on spool') return fullAfter(cache, 50_000);
  return shape === 'stream' ? undefined : cache;
}

/** A cache whose disk is full after so many bytes. */
function fullAfter(cache: LayerCache, bytes: number): LayerCache {
  return {
    find: (...args) => cache.find(...args),
    remove: (...args) => cache.remove(...args),
    async begin(...args) {
      const writer = await cache.begin(...args);
      let written = 0;
      if (writer === undefined) return undefined;
      return {
        async append(chunk) {
          written += chunk.byteLength;
          if (written > bytes)
            throw Object.assign(new Error('no space left on this disk'), { code: 'ERR_CACHE_WRITE' });
          await writer.append(chunk);
        },
        open: (...opened) => writer.open(...opened),
        commit: (...committed) => writer.commit(...committed),
        [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
      };
    },
  };
}
