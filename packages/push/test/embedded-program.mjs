// A program of somebody else's, for the runtimes that it is run on: the built packages, without the command line.
//   push ARCHIVE REGISTRY REPOSITORY
//   copy REGISTRY REPOSITORY TO-REGISTRY TO-REPOSITORY
//   abort ARCHIVE REGISTRY REPOSITORY
// Prints one line of JSON.
import { createGzipCompressor, digestBytes } from '@slipway/digest';
import { openRegistrySource, openSource } from '@slipway/image-source';
import { createPusher } from '@slipway/push';
import { parseReference } from '@slipway/reference';
import { openRegistry } from '@slipway/registry-client';
import { createTransferManager } from '@slipway/transfer';

const [command, ...given] = process.argv.slice(2);
const registries = new Map();
const transfers = createTransferManager();
try {
  process.stdout.write(`${JSON.stringify(await { push, copy, abort }[command](...given))}\n`);
} finally {
  await transfers[Symbol.asyncDispose]();
  for (const registry of registries.values()) await registry[Symbol.asyncDispose]();
}

async function push(archive, host, path) {
  const source = await openSource(archive);
  try {
    const digest = await pushItem(source.items[0], host, path);
    return { digest, layers: await readBack(repositoryAt(host, path), digest) };
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

async function copy(host, path, toHost, toPath) {
  const repository = repositoryAt(host, path);
  const reader = {
    registry: host,
    path,
    getManifest: (...asked) => repository.getManifest(...asked),
    openBlob: (...asked) => repository.openBlob(...asked),
    listReferrers: async () => [],
  };
  const source = await openRegistrySource(reader, parseReference(`${host}/${path}:1`));
  const digest = await pushItem(source.items[0], toHost, toPath);
  return { digest, layers: await readBack(repositoryAt(toHost, toPath), digest) };
}

/** Gives the push up once bytes of a blob are under way, and says with what it was rejected. */
async function abort(archive, host, path) {
  const source = await openSource(archive);
  const controller = new AbortController();
  const reason = new Error('enough');
  const onEvent = ({ type }) => type === 'blob:progress' && controller.abort(reason);
  try {
    return await pushItem(source.items[0], host, path, { signal: controller.signal, onEvent }).then(
      () => ({ outcome: 'pushed' }),
      (error) => ({ outcome: error === reason ? 'rejected with the reason' : String(error) }),
    );
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

async function pushItem(item, host, path, options = {}) {
  const reference = parseReference(`${host}/${path}:1`);
  const endpoint = { url: new URL(`http://${host}`), connect: async () => repositoryAt(host, path) };
  const destination = { reference, endpoints: [endpoint] };
  const pusher = createPusher({ transfers, gzip: createGzipCompressor() });
  const [result] = await pusher.push(item, [destination], options);
  if (!result.ok) throw result.error;
  return result.digest;
}

function repositoryAt(host, path) {
  if (!registries.has(host)) registries.set(host, openRegistry({ url: `http://${host}`, name: host }));
  return registries.get(host).repository(path);
}

/** Each layer's digest, of the bytes that the registry gives out. */
async function readBack(repository, digest) {
  const { bytes } = await repository.getManifest(digest);
  const digests = [];
  for (const layer of JSON.parse(new TextDecoder().decode(bytes)).layers) {
    const chunks = [];
    for await (const chunk of repository.openBlob(layer.digest)) chunks.push(chunk);
    digests.push(digestBytes(Buffer.concat(chunks)));
  }
  return digests;
}
