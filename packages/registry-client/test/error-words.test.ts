import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { type RawRequest, startRawServer } from './raw-server.ts';

const manifest = new TextEncoder().encode('{"schemaVersion":2}');
const errors = (...entries: unknown[]): string => JSON.stringify({ errors: entries });

/** What is said of a manifest that is refused by `answer`, which has the rest of the head and the body. */
async function refusalOf(answer: (socket: Socket, request: RawRequest) => void, password?: string): Promise<unknown> {
  await using server = await startRawServer((request, socket) => {
    const isPing = request.path === '/v2/';
    if (isPing && password !== undefined && request.headers['authorization'] === undefined) {
      socket.write('HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n');
    } else if (isPing) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    else answer(socket, request);
  });
  const credentials = password === undefined ? undefined : { username: 'ann', password };
  await using registry = openRegistry({ url: server.url, credentials });
  return await registry
    .repository('a')
    .putManifest('1', manifest, { mediaType: 'application/vnd.oci.image.manifest.v1+json' })
    .catch((error: unknown) => error);
}

function refusing(head: string, body: Uint8Array): (socket: Socket) => void {
  return (socket) => {
    socket.write(`HTTP/1.1 400 Bad Request\r\n${head}\r\nContent-Length: ${body.byteLength}\r\n\r\n`);
    socket.write(body);
  };
}

describe('a reason is told', () => {
  const body = errors({ code: 'DENIED', message: 'il reste 0 € à dépenser' });

  test.each([
    ['Latin-9', 'application/json; charset=ISO-8859-15', Buffer.from(body.replace('€', '\xa4'), 'latin1')],
    ['UTF-16', 'application/json; charset="utf-16le"', Buffer.from(body, 'utf16le')],
    ['a charset that is not known', 'application/json;charset=klingon', Buffer.from(body)],
  ])('in %s', async (_, type, bytes) => {
    expect(await refusalOf(refusing(`Content-Type: ${type}`, bytes))).toMatchObject({
      message: expect.stringContaining('il reste 0 € à dépenser'),
      diagnostics: [{ code: 'DENIED', message: 'il reste 0 € à dépenser' }],
    });
  });

  test.each(['application/json', 'text/plain'])('with a byte that is no UTF-8, as %s', async (type) => {
    const bytes = Buffer.from(errors({ code: 'DENIED', message: 'caf\xe9 is closed' }), 'latin1');
    expect(await refusalOf(refusing(`Content-Type: ${type}`, bytes))).toMatchObject({
      message: expect.stringContaining('caf\ufffd is closed'),
    });
  });

  test('but bytes that are no text are not', async () => {
    const bytes = Uint8Array.from({ length: 200 }, (_, index) => 0x80 + (index % 0x40));
    expect(await refusalOf(refusing('Content-Type: text/plain', bytes))).toMatchObject({
      message: expect.stringMatching(/answered 400(?:: Bad Request)?$/),
    });
  });

  test('nor is a body of white space', async () => {
    expect(await refusalOf(refusing('Content-Type: text/plain', Buffer.from(' \n ')))).toMatchObject({
      message: expect.stringMatching(/answered 400: Bad Request$/),
    });
  });

  test('where the entries are texts', async () => {
    const bytes = Buffer.from(errors('the tag is immutable', 'ask ops'));
    expect(await refusalOf(refusing('Content-Type: application/json', bytes))).toMatchObject({
      message: expect.stringContaining('the tag is immutable; unknown: ask ops'),
      diagnostics: [{ message: 'the tag is immutable' }, { message: 'ask ops' }],
    });
  });

  test.each([
    ['is shorter than it says', errors({ code: 'TAG_INVALID', message: 'tags are v1.2.3 here' })],
    ['breaks in the middle', '{"errors":[{"code":"TAG_INVALID","message":"tags are v1.2.3 here","det'],
  ])('where the connection breaks and the body %s', async (_, text) => {
    const failed = await refusalOf((socket) => {
      socket.end(`HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n${text}`);
    });
    expect(failed).toMatchObject({ status: 400, message: expect.stringContaining('tags are v1.2.3 here') });
  });

  test('where the body never ends', async () => {
    const failed = await refusalOf((socket) => {
      const text = errors({ code: 'TAG_INVALID', message: 'no such tag' });
      socket.write(`HTTP/1.1 400 No\r\nContent-Type: application/json\r\n\r\n${text}`);
    });
    expect(failed).toMatchObject({ status: 400, diagnostics: [{ code: 'TAG_INVALID', message: 'no such tag' }] });
  }, 15_000);

  test('and no half of a password with it', async () => {
    const failed = await refusalOf((socket, { headers }) => {
      if (headers['authorization'] === undefined) {
        socket.write('HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const cut = `you sent ${headers['authorization'].slice(6, 20)}`;
      socket.end(`HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n${cut}`);
    }, 'correct horse battery');
    expect(failed).toMatchObject({ status: 403, message: expect.stringMatching(/you sent <redacted>$/) });
  });
});
