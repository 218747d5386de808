import { text } from 'node:stream/consumers';
import { digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { openRegistry, type Repository } from '../src/index.ts';
import { type Script, startScriptedServer } from './scripted-server.ts';

const digest = digestBytes(new Uint8Array(0));

/** What is told of a registry while `work` is done with it. */
async function toldOf(script: Script, work: (repository: Repository) => Promise<unknown>): Promise<readonly string[]> {
  await using server = await startScriptedServer(script);
  const told: string[] = [];
  await using registry = openRegistry({
    url: server.url,
    name: 'r.example',
    credentials: { username: 'ann', password: 'correct horse battery' },
    onWarning: (message) => told.push(message),
  });
  await work(registry.repository('a'));
  return told;
}

test('a registry’s warnings are told once each, those of refusals too', async () => {
  const told = await toldOf(
    (request, response) => {
      const more = request.url === '/v2/' ? [] : ['299 - "second, in two parts"', '110 - "stale"'];
      response.setHeader('warning', [Buffer.from('299 - "nur noch 3 €"').toString('latin1'), ...more]);
      response.writeHead(request.url.includes('tags') ? 403 : request.url === '/v2/' ? 200 : 404).end();
    },
    async (repository) => {
      for (let times = 0; times < 3; times += 1) await repository.statBlob(digest);
      await expect(text(repository.listTags())).rejects.toMatchObject({ status: 403 });
    },
  );
  expect(told).toEqual(['r.example says: nur noch 3 €', 'r.example says: second, in two parts']);
});

test('what a storage or a token server warns of is not the registry’s word; its redirect is', async () => {
  await using storage = await startScriptedServer((_, response) => {
    response.writeHead(200, { warning: '299 - "bucket"' }).end('blob');
  });
  await using tokens = await startScriptedServer((_, response) => {
    response.writeHead(200, { warning: '299 - "tokens"' }).end('{"token":"abcdef"}');
  });
  const told = await toldOf(
    (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.url}/token"` }).end();
        return;
      }
      response.writeHead(307, { location: `${storage.url}/x`, warning: '299 - "blobs move in May"' }).end();
    },
    async (repository) => expect(await text(repository.openBlob(digest))).toBe('blob'),
  );
  expect(told).toEqual(['r.example says: blobs move in May']);
});

test('a registry that warns of something else each time is heard ten times', async () => {
  let count = 0;
  const told = await toldOf(
    (_, response) => {
      count += 1;
      response.writeHead(404, { warning: `299 - "${count} requests so far, ${'x'.repeat(1_000)}"` }).end();
    },
    async (repository) => {
      for (let times = 0; times < 20; times += 1) await repository.statBlob(digest);
    },
  );
  expect(told).toHaveLength(10);
  expect(Math.max(...told.map(({ length }) => length))).toBeLessThan(830);
});

test('a registry that echoes what it was shown has it masked', async () => {
  const told = await toldOf(
    (request, response) => {
      const { authorization } = request.headers;
      if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else response.writeHead(404, { warning: `299 - "${authorization} is old"` }).end();
    },
    async (repository) => await repository.statBlob(digest),
  );
  expect(told).toEqual(['r.example says: Basic <redacted> is old']);
});
