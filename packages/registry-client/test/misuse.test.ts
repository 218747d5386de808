import { misuseSuite } from '@slipway/arguments/suite';
import { contentOf, digestBytes } from '@slipway/digest';
import { startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import * as exported from '../src/index.ts';
import { openV1Session } from '../src/v1.ts';
import { beginSession, streamOf, testBytes } from './push-through.ts';

const { openRegistry } = exported;
const registry = openRegistry({ url: 'http://127.0.0.1:1' });
const repository = registry.repository('a/b');
const digest = digestBytes(new Uint8Array());

misuseSuite('@slipway/registry-client', exported, {
  except: ['registryAddresses', 'registryProfile'], // any text may be the name of a registry
  more: {
    'registry.repository': (path) => registry.repository(path as never),
    'repository.putManifest': (...wrong) => repository.putManifest('1', ...(wrong as unknown as [never, never])),
  },
});

test.each<[string, (wrong: unknown) => unknown]>([
  ['statBlob', (wrong) => repository.statBlob(wrong as never)],
  ['openBlob', async (wrong) => repository.openBlob(wrong as never)],
  ['referrers', (wrong) => repository.referrers(wrong as never)],
  ['statManifest', (wrong) => repository.statManifest(wrong as never)],
  ['getManifest', (wrong) => repository.getManifest(wrong as never)],
  ['getImage', (wrong) => repository.getImage(wrong as never)],
  ['resolve', (wrong) => repository.resolve(wrong as never)],
  ['deleteManifest', (wrong) => repository.deleteManifest(wrong as never)],
  ['deleteTag', (wrong) => repository.deleteTag(wrong as never)],
  ['deleteBlob', (wrong) => repository.deleteBlob(wrong as never)],
  ['resumeUpload', (wrong) => repository.resumeUpload(wrong as never)],
])('%s refuses what names nothing, before any request', async (_name, call) => {
  for (const wrong of [undefined, null, '', 42, {}, 'sha256:zz', '../x', `${digest}/../x`]) {
    await expect((async () => call(wrong))()).rejects.toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
  }
});

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'options'],
  ['no url', {}, 'options.url'],
  ['no scheme', { url: 'ghcr.io' }, 'url'],
  ['another scheme', { url: 'ftp://ghcr.io' }, 'url'],
  ['URL in capitals', { URL: 'https://ghcr.io' }, 'options.URL'],
  ['a password alone', { url: 'https://ghcr.io', credentials: { password: 'p' } }, 'options.credentials'],
  ['credentials in one text', { url: 'https://ghcr.io', credentials: 'me:p' }, 'options.credentials'],
  ['a timeout as text', { url: 'https://ghcr.io', timeouts: { idleMs: '5' } }, 'options.timeouts.idleMs'],
  ['a timeout misspelt', { url: 'https://ghcr.io', timeouts: { idleMS: 5 } }, 'options.timeouts.idleMS'],
])('openRegistry tells of %s', (_name, options, argument) => {
  expect(() => openRegistry(options as never)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
});

test.each([
  ['as they are', { username: 'me', password: 'secret' }],
  ['with their kind', { kind: 'basic', username: 'me', password: 'secret' } as const],
  ['of a provider', async () => ({ kind: 'basic', username: 'me', password: 'secret' }) as const],
  ['of a function that answers at once', () => ({ username: 'me', password: 'secret' })],
])('credentials are taken %s', async (_name, credentials) => {
  await using server = await startRegistry({ auth: { kind: 'basic', users: { me: 'secret' } } });
  await using client = openRegistry({ url: server.url, credentials });
  expect(await client.repository('a/b').getManifest('none')).toBeUndefined();
});

test.each([{ username: 'me' }, 'me:secret', { kind: 'token', token: 'x' }, ['me', 'secret']])(
  'a function that answers no credentials is told of, and nobody is asked without any: %j',
  async (answer) => {
    await using server = await startRegistry({ auth: { kind: 'bearer', users: { me: 'secret' } } });
    await using client = openRegistry({ url: server.url, credentials: async () => answer as never });
    await expect(client.repository('a/b').getManifest('none')).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      argument: `credentials(${JSON.stringify(server.host)})`,
    });
  },
);

describe('a signal that is none is told of, before any request', () => {
  const v1 = openV1Session({ url: 'http://127.0.0.1:1' });
  const v1URL = new URL('http://127.0.0.1:1/v1/');
  const bytes = new Uint8Array(1);
  test.each<[string, (signal: never) => unknown]>([
    ['ping', (signal) => registry.ping({ signal })],
    ['describeAccess', (signal) => registry.describeAccess('a/b', { signal })],
    ['listRepositories', (signal) => firstOf(registry.listRepositories({ signal }))],
    ['statBlob', (signal) => repository.statBlob(digest, { signal })],
    ['openBlob', (signal) => firstOf(repository.openBlob(digest, { signal }))],
    ['beginUpload', (signal) => repository.beginUpload({ signal })],
    ['statManifest', (signal) => repository.statManifest('1', { signal })],
    ['getManifest', (signal) => repository.getManifest('1', { signal })],
    ['getImage', (signal) => repository.getImage('1', { signal })],
    ['resolve', (signal) => repository.resolve('1', { signal })],
    ['putManifest', (signal) => repository.putManifest('1', bytes, { mediaType: 'a/b', signal })],
    ['listTags', (signal) => firstOf(repository.listTags({ signal }))],
    ['referrers', (signal) => repository.referrers(digest, { signal })],
    ['v1 start', (signal) => v1.start({ signal })],
    ['v1 putIndex', (signal) => v1.putIndex('a/b', [], { signal })],
    ['v1 hasImage', (signal) => v1.hasImage(v1URL, 'a', { signal })],
    ['v1 putJSON', (signal) => v1.putJSON(v1URL, 'a', bytes, { signal })],
    ['v1 putLayer', (signal) => v1.putLayer(v1URL, 'a', streamOf(bytes), { signal })],
    ['v1 putChecksums', (signal) => v1.putChecksums(v1URL, 'a', { tarsum: 'a', payload: 'b' }, { signal })],
    ['v1 putTag', (signal) => v1.putTag(v1URL, 'a/b', '1', 'a', { signal })],
    ['v1 finish', (signal) => v1.finish('a/b', [], { signal })],
  ])('%s', async (_, call) => {
    for (const wrong of [new AbortController(), {}, 'now', 0]) {
      const refused = { code: 'ERR_ARGUMENT', message: expect.stringContaining('to be an AbortSignal, got') };
      await expect((async () => call(wrong as never))()).rejects.toMatchObject(refused);
    }
  });

  test('an upload', async () => {
    await using server = await startRegistry();
    await using client = openRegistry({ url: server.url });
    await using upload = await beginSession(client.repository('a/b'));
    const content = contentOf(testBytes(10));
    const signal = new AbortController() as never;
    const refused = { code: 'ERR_ARGUMENT' };
    await expect(upload.append(content, { signal })).rejects.toMatchObject(refused);
    await expect(upload.put(content, digest, { signal })).rejects.toMatchObject(refused);
    await expect(upload.stream(content, { signal })).rejects.toMatchObject(refused);
    await expect(upload.commit(digest, { signal })).rejects.toMatchObject(refused);
    await expect(upload.refresh({ signal })).rejects.toMatchObject(refused);
  });
});

async function firstOf(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}
