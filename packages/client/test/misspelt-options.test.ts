import { createGzipCompressor, createZstdCompressor, decompress, digestStream } from '@slipway/digest';
import { createCredentialProvider } from '@slipway/docker-credentials';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import { parseReference } from '@slipway/reference';
import { openRegistry } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import { createClient } from '../src/index.ts';

const loose = (options: object): never => options as never;

describe('an option that a client does not have is refused before anything is done', () => {
  test.each<[string, object, string, string | undefined]>([
    ['a letter too many', { retriess: 3 }, '`retriess` is no option of a client', 'did you mean `retries`?'],
    ['other case', { dataDIR: '/x' }, '`dataDIR` is no option of a client', 'did you mean `dataDir`?'],
    ['a part', { enviroment: {} }, '`enviroment` is no option of a client', 'did you mean `environment`?'],
    ['of a push', { verify: 'diffid' }, '`verify` is no option of a client', 'give it to `push`'],
    ['of nobody', { zzz: 1 }, '`zzz` is no option of a client', undefined],
  ])('createClient: %s', async (_name, options, message, hint) => {
    await expect(createClient(loose({ isolated: true, ...options }))).rejects.toMatchObject({
      code: 'ERR_CLIENT_OPTION',
      message,
      hint,
    });
  });

  test.each<[string, object, string, string | undefined]>([
    ['other case', { Force: true }, '`Force` is no option of a push', 'did you mean `force`?'],
    ['two letters swapped', { compresison: 'gzip' }, '`compresison` is no option', 'did you mean `compression`?'],
    ['a letter too few', { onEven: () => {} }, '`onEven` is no option of a push', 'did you mean `onEvent`?'],
    ['of a client', { authfile: 'x' }, '`authfile` is no option of a push', 'give it to `createClient`'],
  ])('push: %s', async (_name, options, message, hint) => {
    await using client = await createClient({ isolated: true });
    const request = { source: 'no/such.tar', to: '127.0.0.1:1/x', ...options };
    const refusal = { code: 'ERR_CLIENT_OPTION', message: expect.stringContaining(message), hint };
    await expect(client.push(loose(request))).rejects.toMatchObject(refusal);
    await expect(client.pushSettled(loose(request))).rejects.toMatchObject(refusal);
  });

  test('what is undefined counts as left out', async () => {
    await using client = await createClient(loose({ isolated: true, retriess: undefined }));
    const request = { source: 'no/such.tar', to: '127.0.0.1:1/x', Force: undefined };
    await expect(client.push(loose(request))).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
  });

  test.each<[string, (client: Awaited<ReturnType<typeof createClient>>) => Promise<unknown>, string]>([
    [
      'attach',
      (client) => client.attach(loose({ subject: 'r.example/x', artifact: { files: ['x'] }, dryrun: true })),
      '`dryrun` is no option of an attachment',
    ],
    ['pushAll', (client) => client.pushAll([], loose({ stopAtFailur: true })), '`stopAtFailur` is no option'],
    ['open', (client) => client.open('x.tar', loose({ referers: true })), 'did you mean `referrers`?'],
    ['referrers', (client) => client.referrers('r.example/x', loose({ artifacttype: 'x' })), '`artifactType`?'],
    ['repository', (client) => client.repository('r.example/x', loose({ acces: 'pull' })), 'did you mean `access`?'],
    ['verifyLogin', (client) => client.verifyLogin('r.example', undefined, loose({ onAtempt: 1 })), '`onAttempt`?'],
  ])('%s', async (_name, call, message) => {
    await using client = await createClient({ isolated: true });
    await expect(call(client)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(?:CLIENT_OPTION|ARGUMENT)$/),
      message: expect.stringContaining(message),
    });
  });
});

test.each<[string, () => unknown, string]>([
  ['a compressor of gzip', () => createGzipCompressor(loose({ blocksize: 65_536 })), '`blockSize`?'],
  ['a compressor of zstd', () => createZstdCompressor(loose({ lvel: 3 })), '`level`?'],
  ['unpacking', () => decompress(loose([]), 'gzip', loose({ maxBytess: 1 })), '`maxBytes`?'],
  ['hashing', () => digestStream(loose([]), loose({ algoritm: 'sha512' })), '`algorithm`?'],
  [
    'credentials',
    () => createCredentialProvider(loose({ env: {}, homeFolder: undefined, authfile: 'x' })),
    '`authFile`?',
  ],
  ['a cache', () => createMemoryLayerCache(loose({ maxByte: 1 })), '`maxBytes`?'],
  ['a reference', () => parseReference('x', loose({ defaulttag: 'y' })), '`defaultTag`?'],
  ['a registry', () => openRegistry(loose({ url: 'http://127.0.0.1:1', timeout: {} })), '`timeouts`?'],
  ['its timeouts', () => openRegistry(loose({ url: 'http://127.0.0.1:1', timeouts: { idleMS: 1 } })), '`idleMs`?'],
])('%s: the name that was meant is told', async (_name, call, message) => {
  await expect(async () => await call()).rejects.toMatchObject({
    code: 'ERR_ARGUMENT',
    message: expect.stringContaining(`did you mean ${message}`),
  });
});
