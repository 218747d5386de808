import { text } from 'node:stream/consumers';
import { contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry, type Repository } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';
import { afterPing, type Script, startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));
const xml = { 'content-type': 'application/xml' };
const s3 = (code: string, message: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message>` +
  '<RequestId>4442587FB7D0A2F9</RequestId></Error>';

async function failure(script: Script, work: (repository: Repository) => Promise<unknown>): Promise<unknown> {
  await using server = await startScriptedServer(afterPing(script));
  await using registry = openRegistry({ url: server.url, name: 'r.example' });
  return await work(registry.repository('a')).catch((error: unknown) => error);
}

const read = async (repository: Repository): Promise<string> => await text(repository.openBlob(digest));

async function send(repository: Repository): Promise<void> {
  const bytes = testBytes(100);
  const session = await beginSession(repository);
  await session.put(contentOf(bytes), digestBytes(bytes)).finally(() => session.keep());
}

describe('the storage that a registry leads to', () => {
  test.each<[number, string, object]>([
    [403, s3('AccessDenied', 'Access &amp; such'), { code: 'ERR_REGISTRY_DENIED', transient: false }],
    [403, s3('AccessDenied', 'The link expired'), { code: 'ERR_REGISTRY_DENIED', transient: true }],
    [
      403,
      s3('AuthenticationFailed', 'Signature not valid in the specified time frame'),
      { code: 'ERR_REGISTRY_DENIED', transient: true },
    ],
    [400, s3('ExpiredToken', 'Invalid argument.'), { code: 'ERR_REGISTRY_UNEXPECTED', transient: true }],
    [401, 'who are you', { code: 'ERR_REGISTRY_UNAUTHORIZED', transient: false }],
    [404, s3('NoSuchKey', 'The specified key has expired.'), { code: 'ERR_REGISTRY_NOT_FOUND', transient: false }],
  ])('refuses with %d %s', async (status, body, expected) => {
    await using storage = await startScriptedServer((_, response) => void response.writeHead(status, xml).end(body));
    const failed = await failure(
      (_, response) => void response.writeHead(307, { location: `${storage.url}/x?signature=s` }).end(),
      read,
    );
    const { host } = new URL(storage.url);
    expect(failed).toMatchObject({
      ...expected,
      status,
      reason: 'storage',
      message: expect.stringMatching(
        new RegExp(`^GET ${storage.url}/x answered ${status}: .*\\(the storage that r\\.example leads to\\)$`),
      ),
      hint: expect.stringMatching(new RegExp(`^${host}, the storage of r\\.example, (?:refused this|lacks it)`)),
    });
  });

  test('takes an upload at another host, or not', async () => {
    await using storage = await startScriptedServer(async (request, response) => {
      await request.read();
      response.writeHead(403, xml).end(s3('InvalidAccessKeyId', 'No such key id'));
    });
    const failed = await failure(
      (_, response) => void response.writeHead(202, { location: `${storage.url}/u` }).end(),
      send,
    );
    expect(failed).toMatchObject({
      reason: 'storage',
      message: expect.stringContaining('answered 403: InvalidAccessKeyId: No such key id (the storage that'),
    });
  });

  test('is not told of where it is only busy', async () => {
    await using storage = await startScriptedServer((_, response) => {
      response.writeHead(429, { ...xml, 'retry-after': '2' }).end(s3('SlowDown', 'Less, please'));
    });
    const failed = await failure((_, response) => void response.writeHead(307, { location: storage.url }).end(), read);
    expect(failed).toMatchObject({ code: 'ERR_REGISTRY_RATE_LIMITED', retryAfterMs: 2_000, reason: undefined });
  });
});

describe('a registry that answers itself', () => {
  test('and passes on what its storage said is told from one that refuses', async () => {
    const failed = await failure(async (request, response) => {
      await request.read();
      if (request.method === 'POST') response.writeHead(202, { location: '/u' }).end();
      else response.writeHead(403, xml).end(s3('RequestTimeTooSkewed', 'The clocks differ'));
    }, send);
    expect(failed).toMatchObject({
      code: 'ERR_REGISTRY_DENIED',
      reason: 'storage',
      message: expect.stringMatching(/\/u answered 403: RequestTimeTooSkewed: The clocks differ$/),
      hint: expect.stringContaining('the storage behind 127.0.0.1'),
      dockerMessage: expect.stringContaining('denied: <?xml'),
    });
  });

  test.each([
    ['JSON', 'application/json', '{"errors":[{"code":"DENIED","message":"no"}]}'],
    ['XML of its own', 'application/xml', '<problem><Code>1</Code></problem>'],
    ['an error without a code', 'application/xml', '<Error>no</Error>'],
  ])('with %s is the one that refuses', async (_, type, body) => {
    const failed = await failure((_request, response) => {
      response.writeHead(403, { 'content-type': type }).end(body);
    }, read);
    expect(failed).toMatchObject({ reason: undefined, hint: 'slipway login r.example' });
  });
});
