import { setTimeout as wait } from 'node:timers/promises';
import { type Content, digestBytes, type OpenOptions } from '@slipway/digest';
import { createFakeHome, type FakeHome } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';
import { type MadeCertificate, makeCertificate } from './tls/make-certificate.ts';

let home: FakeHome;
let authority: MadeCertificate;
let server: MadeCertificate;
beforeAll(async () => {
  home = await createFakeHome();
  authority = await makeCertificate(home.homeFolder, { name: 'authority', isAuthority: true });
  server = await makeCertificate(home.homeFolder, { name: 'server', names: 'DNS:localhost', issuer: authority });
});
afterAll(() => home[Symbol.asyncDispose]());

/** Content that has one buffer, and writes over it as soon as it is asked for more. */
function overwritten(bytes: Uint8Array, chunkSize: number): Content {
  return {
    size: bytes.byteLength,
    async *open({ from = 0, reuse }: OpenOptions = {}) {
      expect(reuse).toBe(true);
      const buffer = new Uint8Array(chunkSize);
      for (let at = from; at < bytes.byteLength; at += chunkSize) {
        const chunk = bytes.subarray(at, at + chunkSize);
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.byteLength);
        buffer.fill(0);
      }
    },
  };
}

test.each(
  [false, true].flatMap((isSecure) =>
    [10_000, 70_000, 131_072, 300_001, 512 * 1024, 1024 * 1024].map((size) => ({ isSecure, size })),
  ),
)('a slow reader gets the right bytes of a buffer that is written over: %o', async ({ isSecure, size }) => {
  const bytes = testBytes(9_000_000);
  let body = Buffer.alloc(0);
  await using slow = await startScriptedServer(
    afterPing(async ({ method, raw }, response) => {
      if (method === 'POST') return void response.writeHead(202, { location: '/v2/demo/app/blobs/uploads/id' }).end();
      const chunks: Buffer[] = [];
      for await (const chunk of raw) {
        chunks.push(chunk);
        if (chunks.length % 16 === 1) await wait(1); // the kernel's buffers are full in between
      }
      body = Buffer.concat(chunks);
      response.writeHead(201).end();
    }),
    isSecure ? { key: server.key, cert: server.cert } : undefined,
  );
  await using registry = openRegistry({
    url: slow.url.replace('127.0.0.1', 'localhost'),
    ...(isSecure && { connect: { ca: authority.cert } }),
  });
  const session = await beginSession(registry.repository('demo/app'));
  await session.put(overwritten(bytes, size), digestBytes(bytes));
  expect(Buffer.compare(body, bytes)).toBe(0);
});
