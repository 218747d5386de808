import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { contentOf, digestBytes } from '@slipway/digest';
import { openSource, type SourceImage } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { createMemoryMetadataStore } from '@slipway/metadata-store';
import type { Reference } from '@slipway/reference';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { createTransferManager } from '@slipway/transfer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ClientOptions,
  createClient,
  imageFrom,
  layerFrom,
  type PushEvent,
  type PushRequest,
} from '../src/index.ts';

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
let archive: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry();
  archive = join(folder.path, 'app.tar');
  const layers = [{ kind: 'text', size: 60_000 } as const, { kind: 'random', size: 5_000 } as const];
  const image = await randomImage({ seed: 'client', layers });
  await writeDockerArchive(archive, [
    { image, references: ['demo/app:1'] },
    { image: await randomImage({ seed: 'other', layers }), references: ['demo/app:2', 'other/tool:9'] },
  ]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const one = (): string => `docker-archive:${archive}:demo/app:1`;

describe('push', () => {
  test('one source goes to several destinations, and the results come in their order', async () => {
    await using client = await createClient({ isolated: true });
    const events: PushEvent['type'][] = [];
    const results = await client.push({
      source: one(),
      to: [`${registry.host}/order/b:1`, `${registry.host}/order/a`],
      onEvent: ({ type }) => events.push(type),
    });
    expect(results.map(({ reference }) => `${reference.repository}:${reference.tag}`)).toEqual([
      'order/b:1',
      'order/a:latest',
    ]);
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    expect(events).toContain('push:finished');
    const back = await readBack(registry.host, 'order/a', 'latest');
    expect(back.digest).toBe(results[0]?.digest);
  });

  test('an image from parts goes on a base that any source can be', async () => {
    await using client = await createClient({ isolated: true });
    const base = `${registry.host}/parts/base:1`;
    const [pushedBase] = await client.push({ source: one(), to: base });
    const layers = [layerFrom({ 'index.js': 'console.log(1)' }, { to: '/app' })];
    const config = { Cmd: ['node', '/app/index.js'] };
    const [made] = await client.push({
      source: imageFrom({ base: `docker://${base}`, layers, config }),
      to: `${registry.host}/parts/app:1`,
    });
    expect(made?.totals).toMatchObject({ mounted: 2 });
    const [below, above] = await Promise.all([
      readBack(registry.host, 'parts/base', pushedBase!.digest),
      readBack(registry.host, 'parts/app', '1'),
    ]);
    expect(above.layers.slice(0, 2).map(({ digest }) => digest)).toEqual(below.layers.map(({ digest }) => digest));
    expect(above.layers).toHaveLength(3);
    const [fromArchive] = await client.push({
      source: imageFrom({ base: one(), layers, config }),
      to: `${registry.host}/parts/other:1`,
    });
    expect(fromArchive?.digest).toBe(made?.digest);
  });

  test('one destination that fails hides no other: the error has them all, and pushSettled no error', async () => {
    using _fault = registry.misbehave({ match: { repository: 'fails/app', method: 'POST' }, status: 403 });
    await using client = await createClient({ isolated: true });
    const request: PushRequest = {
      source: one(),
      to: [`${registry.host}/fails/app:1`, `${registry.host}/works/app:1`],
    };
    const failure = await client.push(request).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      name: 'PushFailedError',
      code: 'ERR_CLIENT_PUSH_FAILED',
      message: expect.stringContaining(`1 of 2 destinations failed, the first was ${registry.host}/fails/app:1: `),
      cause: { code: 'ERR_PUSH_FAILED', origin: 'destination' },
      results: [{ ok: false }, { ok: true, reference: { repository: 'works/app' } }],
    });
    const { results } = await client.pushSettled(request);
    expect(results.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test('a copy out of a registry, and an opened source, which stays the caller’s', async () => {
    await using client = await createClient({ isolated: true });
    await client.push({ source: one(), to: `${registry.host}/copy/from:1` });
    const [copied] = await client.push({
      source: `docker://${registry.host}/copy/from:1`,
      to: `${registry.host}/copy/to:1`,
    });
    await using source = await openSource(one());
    const [opened] = await client.push({ source, to: `${registry.host}/copy/opened:1` });
    const [item] = await client.push({ source: source.items[0] as SourceImage, to: `${registry.host}/copy/item:1` });
    expect(new Set([copied?.digest, opened?.digest, item?.digest]).size).toBe(1);
  });

  test('an image that was made by hand', async () => {
    const tar = new Uint8Array(10_240);
    const diffID = digestBytes(tar);
    const config = {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [diffID] },
      history: [{}],
    };
    const bytes = new TextEncoder().encode(JSON.stringify(config));
    const source: SourceImage = {
      ...{ kind: 'image', names: [], platform: undefined, manifest: undefined },
      config: { mediaType: mediaTypes.ociConfig, digest: digestBytes(bytes), bytes },
      layers: [{ diffID, content: contentOf(tar), compression: 'none', descriptor: undefined }],
    };
    await using client = await createClient({ isolated: true });
    const [pushed] = await client.push({ source, to: `${registry.host}/by/hand:1`, format: 'oci' });
    expect(pushed?.mediaType).toBe(mediaTypes.ociManifest);
  });

  test('all tags: those of the destination, those of others only when that is said, and what no registry takes', async () => {
    await using client = await createClient({ isolated: true });
    const to = `${registry.host}/demo/app`;
    const own = await client.push({ source: archive, to, allTags: true });
    expect(own.map(({ reference }) => reference.tag)).toEqual(['1', '2']);
    const into = await client.push({ source: archive, to, allTags: true, into: true, tags: '9' });
    expect(into.map(({ reference }) => reference.tag)).toEqual(['9']);
    const copied = await client.push({ source: `docker://${to}`, to: `${registry.host}/copied/app`, allTags: true });
    expect(copied.map(({ unchanged }) => unchanged)).toEqual([false, false, false]);
    const again = await client.push({ source: `docker://${to}`, to: `${registry.host}/copied/app`, allTags: true });
    expect(again.map(({ unchanged }) => unchanged)).toEqual([true, true, true]);
  });

  test.each([
    ['an archive', (_host: string) => archive],
    ['a repository', (host: string) => `docker://${host}/left/app`],
  ])('all tags of %s, but for those that are left out', async (_name, sourceOf) => {
    await using client = await createClient({ isolated: true });
    await client.push({ source: archive, to: `${registry.host}/left/app`, allTags: true, into: true });
    const source = sourceOf(registry.host);
    const to = [`${registry.host}/left/a`, `${registry.host}/left/b`];
    const leaveOut = ({ repository, tag }: Reference): boolean => repository === 'left/a' && tag !== '2';
    const pushed = await client.push({ source, to, allTags: true, into: true, leaveOut });
    expect(pushed.map(({ reference: { repository, tag } }) => `${repository}:${tag}`).sort()).toEqual([
      'left/a:2',
      'left/b:1',
      'left/b:2',
      'left/b:9',
    ]);
    expect(await client.push({ source, to, allTags: true, into: true, leaveOut: () => true })).toEqual([]);
  });

  test.each([':demo/app:1', ':@0', ':1'])(
    'all tags of a file are not those of one image in it: %s',
    async (selector) => {
      await using client = await createClient({ isolated: true });
      const to = `${registry.host}/one/image`;
      await expect(client.push({ source: `${archive}${selector}`, to, allTags: true })).rejects.toMatchObject({
        code: 'ERR_CLIENT_OPTION',
        hint: expect.stringContaining(`leave ${selector} off`),
      });
      expect(registry.repositories()).not.toContain('one/image');
    },
  );

  test('a dry run writes nothing', async () => {
    await using client = await createClient({ isolated: true });
    const [planned] = await client.push({ source: one(), to: `${registry.host}/dry/run:1`, dryRun: true });
    expect(planned?.plan?.length).toBeGreaterThan(0);
    expect(registry.repositories()).not.toContain('dry/run');
  });
});

describe('misuse is told by a code before anything is sent', () => {
  test.each(['dataDir', 'certDir', 'authfile', 'dockerMetadata'])('an empty %s', async (name) => {
    for (const blank of ['', ' ']) {
      const message = `Expected \`${name}\` to be a text that is not empty, got "${blank}"`;
      await expect(createClient({ [name]: blank })).rejects.toMatchObject({ code: 'ERR_CLIENT_OPTION', message });
    }
  });

  test.each<[string, unknown, string, string]>([
    ['no request', undefined, 'ERR_CLIENT_OPTION', 'Expected a push to be told `source` and `to`'],
    ['no destination', { source: 'x.tar', to: [] }, 'ERR_CLIENT_OPTION', 'at least one destination'],
    ['a destination that is none', { source: 'x.tar', to: 5 }, 'ERR_CLIENT_OPTION', 'Expected `to` to be a reference'],
    ['no source', { to: 'r.example/a' }, 'ERR_CLIENT_OPTION', 'Expected `source` to be a text'],
    ['an odd source', { source: {}, to: 'r.example/a' }, 'ERR_CLIENT_OPTION', 'Expected `source` to be a text'],
    ...[
      ['a stream', Readable.from([]), 'got a Readable'],
      ['a file as a stream', createReadStream('/dev/null'), 'got a ReadStream'],
      ['an answer of fetch', new Response('x'), 'got a Response'],
      ['a promise of a source', Promise.resolve('app.tar'), 'got a Promise'],
      ['a list of sources', ['app.tar'], 'got an array'],
      ['bytes', new Uint8Array(512), 'got a Uint8Array'],
    ].map(([name, source, got]): [string, unknown, string, string] => {
      return [`${name}`, { source, to: 'r.example/a' }, 'ERR_CLIENT_OPTION', `${got}`];
    }),
    ...[
      ['a layer that is in no image', layerFrom({ a: 'x' })],
      ['a recipe of nothing', { open: async () => undefined }],
      ['a recipe of something that is never closed', { open: async () => ({ items: [] }) }],
      ['a recipe of a list', { open: () => [] }],
      ['a recipe of what cannot be closed', { open: () => ({ [Symbol.asyncDispose]: 'no' }) }],
    ].map(([name, source]): [string, unknown, string, string] => {
      const request = { source, to: 'r.example/a' };
      return [`${name}`, request, 'ERR_CLIENT_OPTION', 'to open as an image or an artifact'];
    }),
    ...[
      ['an image of nothing', { kind: 'image' }, '`source.names` to be an array'],
      ['an image without layers', { kind: 'image', names: [], config: {} }, '`source.config.mediaType`'],
      ['an index of nothing', { kind: 'index', names: [] }, '`source.manifest` to be an object'],
      ['a source of nothing', { items: [undefined] }, '`source.items[0]` to be an object'],
      ['a source of names', { items: ['app'] }, '`source.items[0]` to be an object'],
      ['a source of odd images', { items: [{ kind: 'image' }] }, '`source.items[0].names` to be an array'],
    ].map(([name, source, message]): [string, unknown, string, string] => {
      return [`${name}`, { source, to: 'r.example/a' }, 'ERR_ARGUMENT', `${message}`];
    }),
    ['a bad reference', { source: 'x.tar', to: 'r.example/A' }, 'ERR_CLIENT_DESTINATION', 'must be lowercase'],
    [
      'a digest of all tags',
      { source: 'x', to: `a@sha256:${'a'.repeat(64)}`, allTags: true },
      'ERR_CLIENT_DESTINATION',
      'has a tag',
    ],
    ['a tag with all tags', { source: 'x.tar', to: 'a:1', allTags: true }, 'ERR_CLIENT_DESTINATION', 'has a tag'],
    ['a password in a name', { source: 'docker://u:secret@h/a', to: 'a' }, 'ERR_CLIENT_PASSWORD_IN_NAME', '***@h/a'],
    ['options that do not fit', { source: 'x', to: 'a', format: 'v1', dryRun: true }, 'ERR_CLIENT_OPTION', '`dryRun`'],
    ...[
      'docker://r.example/a/b:1',
      `docker://r.example/a/b@sha256:${'a'.repeat(64)}`,
      'docker-daemon:a/b:1',
      'store:a/b:1',
      `store:${'a'.repeat(64)}`,
    ].map((source): [string, unknown, string, string] => {
      const request = { source, to: 'r.example/a', allTags: true };
      return [`all tags of ${source}`, request, 'ERR_CLIENT_OPTION', 'names one image'];
    }),
    [
      'a password beside all tags',
      { source: 'store:u:secret@h/a', to: 'a', allTags: true },
      'ERR_CLIENT_PASSWORD_IN_NAME',
      '***@h/a',
    ],
    ['no text of a source', { source: 'docker://', to: 'a' }, 'ERR_SOURCE_TEXT', 'lacks a reference'],
    ['no file', { source: 'absent.tar', to: 'r.example/a' }, 'ERR_SOURCE_NOT_FOUND', 'absent.tar'],
  ])('%s', async (_, request, code, message) => {
    await using client = await createClient({ isolated: true });
    await expect(client.push(request as PushRequest)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test.each<[string, unknown, string]>([
    ['options that are none', null, 'options to be an object'],
    ['a rate that is none', { limitRate: 'fast' }, 'Expected `limitRate` to be 1k bytes a second or more'],
    ['retries that are none', { retries: -1 }, 'Expected `retries` to be a whole number'],
    ['credentials that are none', { credentials: 'user:password' }, 'Expected `credentials` to be a username'],
    ['half credentials', { credentials: { 'ghcr.io': { username: 'u' } } }, 'Expected `credentials` of "ghcr.io"'],
    ...['no', '', 1, 0, null, {}].map((isolated): [string, unknown, string] => {
      return [`isolated: ${JSON.stringify(isolated)}`, { isolated }, 'Expected `isolated` to be true or false, got'];
    }),
    ['a listener that is none', { onWarning: 'log' }, 'Expected `onWarning` to be a function, got a string'],
    ['a cache that is none', { layerCache: '/cache' }, 'Expected `layerCache` to be an object with `find()`'],
    ['an input that is none', { stdin: 'app.tar' }, 'Expected `stdin` to be an async iterable'],
    ['an odd pair', { dockerMetadataWrite: true }, '`dockerMetadataWrite` needs `dockerMetadata`'],
  ])('%s', async (_, options, message) => {
    await expect(createClient(options as ClientOptions)).rejects.toMatchObject({
      code: 'ERR_CLIENT_OPTION',
      message: expect.stringContaining(message),
    });
  });
});

describe('parts from outside', () => {
  test('they are used, and stay the caller’s', async () => {
    const metadataStore = createMemoryMetadataStore();
    await using transfers = createTransferManager();
    const requests: string[] = [];
    {
      await using client = await createClient({
        isolated: true,
        metadataStore,
        transfers,
        onRequest: ({ method }, name) => requests.push(`${method} ${name}`),
        headers: { 'X-Meta-Team': 'a' },
      });
      registry.clearRequests();
      await client.push({ source: one(), to: `${registry.host}/parts/app:1` });
      expect(registry.requests.every(({ headers }) => headers['x-meta-team'] === 'a')).toBe(true);
    }
    expect(requests).toContain(`PUT ${registry.host}`);
    const watch = transfers.transfer({ key: 'after', run: async () => 'still open' });
    expect(await watch.result).toBe('still open');
  });
});

describe('disposal', () => {
  test('a client that is disposed says so, whatever it is asked', async () => {
    const client = await createClient({ isolated: true });
    await client[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    const closed = expect.objectContaining({ code: 'ERR_CLIENT_CLOSED' });
    await expect(client.push({ source: one(), to: `${registry.host}/late/app` })).rejects.toEqual(closed);
    await expect(client.open(one())).rejects.toEqual(closed);
    await expect(client.repository(`${registry.host}/late/app`)).rejects.toEqual(closed);
  });

  test('disposing ends a push that runs, and nothing is sent after', async () => {
    using stall = registry.misbehave({ match: { repository: 'stalled/app', method: 'PUT' }, stall: true });
    const client = await createClient({ isolated: true });
    const pushing = client
      .push({ source: one(), to: `${registry.host}/stalled/app:1` })
      .catch((error: unknown) => error);
    await expect.poll(() => stall.hits, { timeout: 20_000 }).toBeGreaterThan(0);
    await client[Symbol.asyncDispose]();
    expect(await pushing).toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
    const count = registry.requests.length;
    await registry.settled();
    expect(registry.requests.length).toBe(count);
  });

  test('an aborted push rejects with the signal’s own reason', async () => {
    await using client = await createClient({ isolated: true });
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(client.push({ source: one(), to: `${registry.host}/aborted/app`, signal })).rejects.toBe(reason);
  });
});

test.each([
  [undefined, []], // the push has a token that is enough
  ['pull', ['repository:reads/own:pull']],
] as const)('a repository with the access %s asks for tokens of %j', async (access, scopes) => {
  await using guarded = await startRegistry({ auth: { kind: 'bearer', users: { me: 'a-password' } } });
  const credentials = { [guarded.host]: { username: 'me', password: 'a-password' } };
  await using client = await createClient({ isolated: true, credentials });
  await client.push({ source: one(), to: `${guarded.host}/reads/own:1` });
  const asked = guarded.requests.length;
  const repository = await client.repository(`${guarded.host}/reads/own`, { access });
  expect((await repository.resolve('1'))?.size).toBeGreaterThan(0);
  const tokens = guarded.requests.slice(asked).filter(({ kind }) => kind === 'token');
  expect(tokens.map(({ query }) => query.get('scope'))).toEqual(scopes);
});

test('the client of a repository reaches it by the way that works', async () => {
  await using client = await createClient({ isolated: true });
  await client.push({ source: one(), to: `${registry.host}/reads/app:1` });
  const repository = await client.repository(`${registry.host}/reads/app`);
  const tags: string[] = [];
  for await (const tag of repository.listTags()) tags.push(tag);
  expect(tags).toEqual(['1']);
  const ways = await client.waysTo(registry.host);
  expect(ways.map(({ url }) => url.protocol)).toEqual(['https:', 'http:']);
});
