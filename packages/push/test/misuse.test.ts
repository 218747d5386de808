import { misuseSuite } from '@slipway/arguments/suite';
import { createGzipCompressor, digestBytes } from '@slipway/digest';
import { parseReference } from '@slipway/reference';
import { createTransferManager } from '@slipway/transfer';
import { expect, test } from 'vitest';
import * as exported from '../src/index.ts';
import { randomImage } from './setup.ts';

const transfers = createTransferManager();
const pusher = exported.createPusher({ transfers, gzip: createGzipCompressor() });
const image = randomImage(1, [10]);
const [layer] = image.layers;
const endpoint = { url: new URL('http://127.0.0.1:1'), connect: () => Promise.reject(new Error('nobody connects')) };
const destination = { reference: parseReference('127.0.0.1:1/a/b:1'), endpoints: [endpoint] };

misuseSuite('@slipway/push', exported, {
  more: {
    'pusher.push': (...wrong) => pusher.push(...(wrong as Parameters<typeof pusher.push>)),
    'pusher.push to': (...wrong) => pusher.push(image, wrong as never),
    'pusher.push with': (wrong) => pusher.push(image, [], wrong as never),
    'pusher.push of a layer': (...wrong) => pusher.push({ ...image, layers: wrong as never }, []),
  },
});

test.each<[string, unknown, unknown, unknown, string]>([
  [
    'content that is bytes',
    { ...image, layers: [{ ...layer, content: new Uint8Array(3) }] },
    [],
    {},
    'item.layers[0].content',
  ],
  [
    'no compression',
    { ...image, layers: [{ ...layer, compression: undefined }] },
    [],
    {},
    'item.layers[0].compression',
  ],
  ['a config without bytes', { ...image, config: { ...image.config, bytes: '{}' } }, [], {}, 'item.config.bytes'],
  ['an unknown kind', { ...image, kind: 'picture' }, [], {}, 'item.kind'],
  ['an artifact without blobs', { kind: 'artifact', names: [], manifest: image.config }, [], {}, 'item.blobs'],
  ['an index of nothing', { kind: 'index', names: [], manifest: image.config }, [], {}, 'item.children'],
  [
    'a blob without content',
    {
      kind: 'artifact',
      names: [],
      manifest: image.config,
      blobs: [{ descriptor: { digest: digestBytes(new Uint8Array()), size: 0 } }],
    },
    [],
    {},
    'item.blobs[0].content',
  ],
  ['a text as destination', image, ['a/b:1'], {}, 'destinations[0]'],
  ['a text as reference', image, [{ ...destination, reference: 'a/b:1' }], {}, 'destinations[0].reference'],
  [
    'a text as URL',
    image,
    [{ ...destination, endpoints: [{ ...endpoint, url: 'http://x' }] }],
    {},
    'destinations[0].endpoints[0].url',
  ],
  [
    'nothing to connect with',
    image,
    [{ ...destination, endpoints: [{ url: endpoint.url }] }],
    {},
    'destinations[0].endpoints[0].connect',
  ],
  ['a format that is none', image, [], { format: 'tar' }, 'options.format'],
  ['an option misspelt', image, [], { dryrun: true }, 'options.dryrun'],
  ['an event listener that is none', image, [], { onEvent: 'log' }, 'options.onEvent'],
])('%s is told', async (_name, item, destinations, options, argument) => {
  await expect(pusher.push(item as never, destinations as never, options as never)).rejects.toThrow(
    expect.objectContaining({ name: 'ArgumentError', code: 'ERR_ARGUMENT', argument }),
  );
});

test('what is missing of a pusher is told when it is made, not in the middle of a push', () => {
  const make = exported.createPusher as (options?: unknown) => unknown;
  expect(() => make()).toThrow('Expected `options` to be an object, got undefined');
  expect(() => make({ transfers })).toThrow('Expected `options.gzip` to be a compressor, got undefined');
  expect(() => make({ transfers, gzip: createGzipCompressor(), layercache: {} })).toThrow('did you mean `layerCache`?');
});

test('a destination says nothing of credentials where there are none', async () => {
  const [result] = await pusher.push(image, [destination]);
  expect(result).toMatchObject({ ok: false }); // nobody connects
});

test.each<[string, object]>([
  ['attempts', { attempts: 0 }],
  ['attempts', { attempts: Number.NaN }],
  ['attempts', { attempts: '3' }],
  ['chunkSize', { chunkSize: 0 }],
  ['metadataStore', { metadataStore: {} }],
  ['layerCache', { layerCache: {} }],
])('a pusher with %s that are of no use: %o', (name, options) => {
  expect(() => exported.createPusher({ transfers, gzip: createGzipCompressor(), ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_ARGUMENT', argument: `options.${name}` }),
  );
});
