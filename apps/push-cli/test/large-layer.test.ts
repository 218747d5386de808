import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import {
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCli } from './run-cli.ts';

const size = 2 * 1024 ** 3;
const boundMiB = 250;
/** What the compressor does to zeros is no concern of this test. */
const fast = ['--compression-level', '1'];

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
let image: TestImage;
const at = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry();
  image = await randomImage({ seed: 'large', layers: [{ size, kind: 'zeros', files: 1 }] });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
  await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
}, 120_000);
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each([
  ['a docker archive', 'image.tar'],
  ['an OCI layout', 'layout'],
  ['standard input', '-'],
])(
  'memory stays bounded with a layer of 2 GiB: %s',
  async (_, source) => {
    const input = source === '-' ? createReadStream(at('image.tar'), { highWaterMark: 1024 * 1024 }) : undefined;
    const peak = await peakOfPush(
      [source === '-' ? source : at(source), `${registry.host}/large/app:v1`, ...fast],
      input,
    );
    expect(peak).toBeLessThan(boundMiB);
    expect(registry.tags('large/app')).toContain('v1');
  },
  120_000,
);

test('memory stays bounded with a layer of 2 GiB: from registry to registry, converted on the way', async () => {
  await peakOfPush([at('layout'), `${registry.host}/large/origin:v1`]);
  const args = [`docker://${registry.host}/large/origin:v1`, `${registry.host}/large/copy:v1`, '--compression', 'zstd'];
  // Without zstd in this Node, the same layer is made anew as gzip.
  const compression = 'zstdCompressSync' in (await import('node:zlib')) ? args : [...args.slice(0, 3), 'gzip'];
  expect(await peakOfPush(compression)).toBeLessThan(boundMiB);
}, 120_000);

test('memory stays bounded with a layer of 2 GiB: every byte of it from one registry to another', async () => {
  await using far = await startFarRegistries(image);
  const peak = await peakOfPush([
    `docker://${far.host}/large/app:v1`,
    `localhost:${far.host.split(':')[1]}/other/app:v1`,
  ]);
  expect(peak).toBeLessThan(boundMiB);
  expect(far.received()).toBeGreaterThan(size);
}, 120_000);

/** Pushes, and returns the most memory the program had at any time, in MiB. */
async function peakOfPush(args: readonly string[], input?: NodeJS.ReadableStream): Promise<number> {
  const child = startCli(['push', ...args, '--plain-http', '--quiet', '--no-cache']);
  child.stdin.on('error', () => {});
  if (input === undefined) child.stdin.end();
  else input.pipe(child.stdin);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.resume();
  const peak = watchPeak(child);
  const [code] = await once(child, 'close');
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return await peak;
}

/** The kernel keeps the high-water mark; it is read until the process is gone. */
async function watchPeak(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return peak / 1024;
}

/**
 * A registry that has one image with an uncompressed layer, which it makes as it goes, and takes blobs without keeping
 * them: nothing but the program has to hold 2 GiB.
 */
async function startFarRegistries({ configBytes, imageID, layers }: TestImage): Promise<FarRegistries> {
  const [layer] = layers;
  if (layer === undefined) throw new Error('expected a layer');
  const manifest = buildOciManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: imageID, size: configBytes.byteLength },
    layers: [{ mediaType: mediaTypes.ociLayer, digest: layer.diffID, size: layer.size }],
  });
  let received = 0;
  const uploads = new Map<string, number>();
  /** The digest of the manifest that was set. */
  let tagged: string | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = request;
    const upload = /\/uploads\/(\d+)/.exec(url)?.[1];
    const location = (id: string): Record<string, string> => ({ location: `/v2/other/app/blobs/uploads/${id}` });
    const isManifest = url.includes('/manifests/');
    let bytes = 0;
    const body: Uint8Array[] = [];
    for await (const chunk of request) {
      bytes += (chunk as Uint8Array).byteLength;
      if (isManifest) body.push(chunk as Uint8Array);
    }
    if (url === '/v2/') return void response.writeHead(200).end();
    if (url.startsWith('/v2/other/app/')) {
      received += bytes;
      if (isManifest && method === 'PUT') tagged = digestBytes(Buffer.concat(body));
      if (isManifest && tagged !== undefined) {
        return void response.writeHead(method === 'PUT' ? 201 : 200, { 'docker-content-digest': tagged }).end();
      }
      if (method === 'GET' || method === 'HEAD') return void response.writeHead(404).end();
      if (method === 'POST') return void response.writeHead(202, location(String(uploads.size))).end();
      if (upload === undefined || method === 'PUT') return void response.writeHead(201).end();
      const end = (uploads.get(upload) ?? 0) + bytes;
      uploads.set(upload, end);
      return void response.writeHead(202, { ...location(upload), range: `0-${end - 1}` }).end();
    }
    if (isManifest) {
      const headers = { 'content-type': manifest.mediaType, 'docker-content-digest': manifest.digest };
      return void response.writeHead(200, headers).end(method === 'HEAD' ? undefined : manifest.bytes);
    }
    if (url.endsWith(imageID)) return void response.writeHead(200).end(configBytes);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = from === 0 ? {} : { 'content-range': `bytes ${from}-${layer.size - 1}/${layer.size}` };
    response.writeHead(from === 0 ? 200 : 206, { 'content-length': layer.size - from, ...range });
    for await (const chunk of layer.tar.open({ from })) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await roomIn(response);
    }
    response.end();
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    received: () => received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** `once()` for two events would leave the listeners of the one that did not come. */
function roomIn(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}

interface FarRegistries extends AsyncDisposable {
  readonly host: string;
  received(): number;
}
