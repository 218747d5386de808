import { readEnvironment } from '@slipway/client';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import { startRegistry } from '@slipway/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../config/read-config.ts';
import { createEgress } from '../security/egress.ts';
import { createFairTransfers } from './fair-transfers.ts';
import { createRegistryClients, type Identity } from './registry-clients.ts';

const ann: Identity = { auths: new Map([['r.test', { username: 'ann', password: 'a' }]]) };
const bob: Identity = { auths: new Map([['r.test', { username: 'bob', password: 'b' }]]) };

async function open(onRequest?: (url: string) => void) {
  await using transfers = createFairTransfers({ concurrency: 2 });
  const config = await readConfig({ flags: {}, variables: {}, file: undefined });
  return createRegistryClients({
    ...{ config, transfers, environment: readEnvironment({ HOME: '/nowhere' }), log: pino({ level: 'silent' }) },
    metadataStore: createMemoryMetadataStore(),
    layerCache: createMemoryLayerCache(),
    trustKey: () => Promise.reject(new Error('no key is needed')),
    egress: createEgress([]),
    onRequest: ({ url }) => onRequest?.(url),
  });
}

test('pushes in one name share a client, others have one of their own', async () => {
  const clients = await open();
  await using first = await clients.lease(ann);
  await using same = await clients.lease({ ...ann, auths: new Map(ann.auths) });
  await using other = await clients.lease(bob);
  await using marked = await clients.lease({ ...ann, metaHeaders: { 'x-meta-a': '1' } });
  await using named = await clients.lease({ ...ann, upstreamClient: 'UpstreamClient(x)' });
  expect(same.client).toBe(first.client);
  expect(new Set([first, other, marked, named].map(({ client }) => client)).size).toBe(4);
});

test('a client is closed with its last lease, once', async () => {
  await using registry = await startRegistry();
  const clients = await open();
  const first = await clients.lease(ann);
  const second = await clients.lease(ann);
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await second.client.repository(`${registry.host}/a/b`); // serves who is left
  await second[Symbol.asyncDispose]();
  await expect(second.client.repository(`${registry.host}/a/b`)).rejects.toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
  await using third = await clients.lease(ann);
  expect(third.client).not.toBe(second.client);
});

test('the registry is told whom it deals with, and requests are counted', async () => {
  await using registry = await startRegistry();
  const urls: string[] = [];
  const clients = await open((url) => urls.push(url));
  await using lease = await clients.lease({ auths: new Map(), upstreamClient: 'UpstreamClient(x)' });
  await lease.client.repository(`${registry.host}/a/b`);
  expect(urls.some((url) => url.endsWith('/v2/'))).toBe(true);
});
