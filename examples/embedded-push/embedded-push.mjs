// node embedded-push.mjs image.tar 127.0.0.1:5000/demo/app:1 http://127.0.0.1:5000
import { createGzipCompressor } from '@slipway/digest';
import { openSource } from '@slipway/image-source';
import { createPusher, describeEvent } from '@slipway/push';
import { parseReference } from '@slipway/reference';
import { openRegistry } from '@slipway/registry-client';
import { createTransferManager } from '@slipway/transfer';

const [source, destination, url] = process.argv.slice(2);
const reference = parseReference(destination, { defaultTag: 'latest' });
const transfers = createTransferManager();
const registry = openRegistry({ url, name: reference.registry });
const image = await openSource(source);
try {
  const pusher = createPusher({ transfers, gzip: createGzipCompressor() });
  const endpoint = { url: new URL(url), connect: async () => registry.repository(reference.repository) };
  const [result] = await pusher.push(image.items[0], [{ reference, endpoints: [endpoint] }], {
    onEvent: (event) => event.type !== 'blob:progress' && console.error(describeEvent(event) ?? event.type),
  });
  if (!result.ok) throw result.error;
  console.log(`${reference.registry}/${reference.repository}@${result.digest}`);
} finally {
  // The transfers end before what they read from and what they send to.
  await transfers[Symbol.asyncDispose]();
  await image[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
}
