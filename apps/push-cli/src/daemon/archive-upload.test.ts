import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { uploadArchive } from './archive-upload.ts';
import { DaemonClient } from './daemon-client.ts';

const file = randomBytes(3_000_000);
const never = new AbortController().signal;

interface Uploading extends AsyncDisposable {
  readonly client: DaemonClient;
  /** What the daemon has. */
  readonly kept: () => Buffer;
  /** Bytes of all bodies that it read. */
  readonly received: () => number;
  readonly asked: readonly string[];
  readonly told: string[];
  /** What the archive was opened at. */
  readonly opened: number[];
  upload(signal?: AbortSignal): Promise<string>;
}

/** A daemon that takes uploads; `before` may answer in its place, or name the byte after which a body is cut off. */
async function startUploads(
  before: (request: IncomingMessage, response: ServerResponse, times: number) => number | 'answered' | undefined,
): Promise<Uploading> {
  let kept = Buffer.alloc(0);
  let received = 0;
  const asked: string[] = [];
  const told: string[] = [];
  const opened: number[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    asked.push(`${request.method} ${request.url}`);
    const cut = before(request, response, asked.filter((each) => each.startsWith(request.method ?? '')).length);
    if (cut === 'answered') return;
    if (request.method === 'POST') {
      response.writeHead(201, { location: '/slipway/v1/uploads/an-id', 'upload-offset': '0' }).end();
      return;
    }
    if (request.method === 'PATCH') {
      expect(request.headers['upload-offset']).toBe(`${kept.byteLength}`);
      const pieces: Buffer[] = [];
      let size = 0;
      for await (const piece of request as AsyncIterable<Buffer>) {
        received += piece.byteLength;
        const taken = cut === undefined ? piece : piece.subarray(0, Math.max(0, cut - size));
        pieces.push(taken);
        size += taken.byteLength;
        if (cut === undefined || size < cut) continue;
        kept = Buffer.concat([kept, ...pieces]);
        request.socket.resetAndDestroy();
        return;
      }
      kept = Buffer.concat([kept, ...pieces]);
    }
    response.writeHead(request.method === 'HEAD' ? 200 : 204, { 'upload-offset': `${kept.byteLength}` }).end();
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') throw error; // the client has left
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const client = new DaemonClient({ text: 'here', url }, { patience: { uploadMs: 1_000 } });
  const archive = {
    size: file.byteLength,
    async *open(from: number): AsyncGenerator<Uint8Array> {
      opened.push(from);
      for (let at = from; at < file.byteLength; at += 65_536) yield file.subarray(at, at + 65_536);
    },
  };
  return {
    ...{ client, asked, told, opened },
    kept: () => kept,
    received: () => received,
    upload: (signal = never) =>
      uploadArchive(archive, { client, print: (line) => told.push(line), signal, pauseMs: 1 }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('an upload that is cut off goes on where the daemon is, and nothing else goes twice', async () => {
  const cuts = [700_000, 1_000_000];
  await using daemon = await startUploads(({ method }, _, times) => (method === 'PATCH' ? cuts[times - 1] : undefined));
  expect(await daemon.upload()).toBe('an-id');
  expect(daemon.kept().equals(file)).toBe(true);
  expect(daemon.opened).toEqual([0, 700_000, 1_700_000]);
  // What was on its way when a connection broke, and no more than that.
  expect(daemon.received() - file.byteLength).toBeLessThan(2 * 65_536 * 2);
  expect(daemon.told).toHaveLength(2);
  expect(daemon.told[0]).toMatch(/^slipway: the connection to slipwayd broke \(\w+\): goes on at 700 kB of 3 MB$/);
  expect(daemon.asked.at(-1)).toBe('PATCH /slipway/v1/uploads/an-id');
});

test('a daemon that is restarted, and one that still holds the broken request, is asked again', async () => {
  await using daemon = await startUploads((request, response, times) => {
    if (request.method === 'PATCH' && times === 1) return 100_000;
    if (request.method === 'HEAD' && times < 3) {
      request.socket.destroy();
      return 'answered';
    }
    if (request.method !== 'PATCH' || times !== 2) return undefined;
    request.resume();
    response.writeHead(409, { 'content-type': 'application/json' }).end('{"message":"another request adds to it"}');
    return 'answered';
  });
  await daemon.upload();
  expect(daemon.kept().equals(file)).toBe(true);
});

test('an upload that stands still goes on in another connection', async () => {
  await using daemon = await startUploads(({ method }, _, times) =>
    method === 'PATCH' && times === 1 ? 'answered' : undefined,
  );
  await daemon.upload();
  expect(daemon.kept().equals(file)).toBe(true);
  expect(daemon.told).toEqual([
    'slipway: the connection to slipwayd broke (nothing moved for 1 s): goes on at 0 B of 3 MB',
  ]);
});

test('without a byte that is new it is given up after a while', async () => {
  await using daemon = await startUploads(({ method }) => (method === 'PATCH' ? 0 : undefined));
  await expect(daemon.upload()).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_UNREACHABLE' });
  expect(daemon.asked.filter((each) => each.startsWith('PATCH'))).toHaveLength(9);
});

test('what the daemon has no more is not asked for again', async () => {
  await using daemon = await startUploads((request, response) => {
    if (request.method !== 'PATCH') return undefined;
    request.resume();
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"no such upload"}');
    return 'answered';
  });
  await expect(daemon.upload()).rejects.toMatchObject({ code: 'ERR_CLI_DAEMON_NOT_FOUND', status: 404 });
});

test('Ctrl-C ends it, and the daemon forgets what it has', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  await using daemon = await startUploads(({ method }) => {
    if (method === 'PATCH') controller.abort(reason);
    return undefined;
  });
  await expect(daemon.upload(controller.signal)).rejects.toBe(reason);
  expect(daemon.asked.at(-1)).toBe('DELETE /slipway/v1/uploads/an-id');
});
