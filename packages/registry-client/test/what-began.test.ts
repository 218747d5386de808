import { contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const bytes = testBytes(1000);
const digest = digestBytes(bytes);
const other = digestBytes(testBytes(1001));
const blob = `/v2/a/blobs/${digest}`;
const upload = '/v2/a/blobs/uploads/u1?_state=x%3D';
const named = { 'docker-content-digest': digest };
const numbered = { 'docker-upload-uuid': 'u1' };

type Answered = readonly [status: number, headers: Record<string, string>];

/** What a POST that is answered so comes to, and what was asked after it. */
async function begun(
  [status, headers]: Answered,
  { mounts, has }: { readonly mounts: boolean; readonly has: boolean },
): Promise<readonly [outcome: string, asked: readonly string[]]> {
  await using server = await startScriptedServer(
    afterPing(({ method }, response) => {
      if (method === 'POST') response.writeHead(status, headers).end();
      else if (method === 'HEAD') response.writeHead(has ? 200 : 404, { 'content-length': '1000' }).end();
      else response.writeHead(204).end();
    }),
  );
  await using registry = openRegistry({ url: server.url });
  const mount = mounts ? { digest, from: 'b' } : undefined;
  const outcome = await registry
    .repository('a')
    .beginUpload({ mount })
    .then(
      (result) => {
        if (result.kind === 'mounted') return result.kind;
        result.session.keep();
        return result.session.location.href.replace(server.url, '');
      },
      (error: unknown) => (error as { readonly code: string }).code,
    );
  const asked = server.seen.map(({ method }) => method).filter((method) => method !== 'GET' && method !== 'POST');
  return [outcome, asked];
}

describe('an answer to a mount', () => {
  test.each<[string, ...Answered]>([
    ['its digest', 201, named],
    ['its address', 201, { location: blob }],
    ['both', 201, { ...named, location: blob }],
    ['its address in percent signs', 201, { location: blob.replace(':', '%3A') }],
    ['its address with a query', 201, { location: `${blob}?ns=docker.io` }],
    ['its whole address', 201, { location: `https://registry.example${blob}` }],
    ['its address below a path', 201, { location: `/proxy/docker${blob}` }],
    ['its address where nobody may be sent', 201, { location: `http://169.254.169.254${blob}` }],
    ['its digest, and a number of an upload that is over', 201, { ...named, ...numbered, location: blob }],
    ['its digest, and another place', 201, { ...named, location: '/ui/layers/1' }],
  ])('that has %s is a mounted blob, and nothing is asked', async (_, ...answer) => {
    expect(await begun(answer, { mounts: true, has: false })).toEqual(['mounted', []]);
  });

  test.each<[string, string, ...Answered]>([
    ['201 and an upload', upload, 201, { location: upload }],
    ['201 and an upload with its number', upload, 201, { location: upload, ...numbered, range: '0-0' }],
    ['201 and an upload in percent signs', '/v2/a/blobs%2Fuploads/u1', 201, { location: '/v2/a/blobs%2Fuploads/u1' }],
    ['201 and an upload below a path', `/proxy${upload}`, 201, { location: `/proxy${upload}` }],
    ['201 and an upload as GitHub has it', '/v2/a/blobs/upload/1', 201, { location: '/v2/a/blobs/upload/1' }],
    ['201, a number, and a place of its own', '/up/1', 201, { location: '/up/1', ...numbered }],
    ['202 and an upload', upload, 202, { location: upload }],
    ['202, an upload and a digest', upload, 202, { location: upload, ...named }],
    ['202 and a place of its own', '/up/1', 202, { location: '/up/1' }],
    ['200 and an upload', upload, 200, { location: upload }],
  ])('of %s is an upload, and nothing is asked', async (_, location, ...answer) => {
    expect(await begun(answer, { mounts: true, has: true })).toEqual([location, []]);
  });

  test.each<[string, string, ...Answered]>([
    ['201 and nothing', 'ERR_REGISTRY_PROTOCOL', 201, {}],
    ['201 and another blob', 'ERR_REGISTRY_PROTOCOL', 201, { location: `/v2/a/blobs/${other}` }],
    ['201 and a place of its own', '/up/1', 201, { location: '/up/1' }],
    ['201, its digest and an upload', upload, 201, { ...named, location: upload }],
    ['202 and its address', 'ERR_REGISTRY_PROTOCOL', 202, { location: blob }],
    ['202, its address and digest', 'ERR_REGISTRY_PROTOCOL', 202, { ...named, location: blob }],
    ['200 and its digest', 'ERR_REGISTRY_PROTOCOL', 200, named],
  ])('of %s is a mounted blob once the registry shows it, and else %s', async (_, otherwise, ...answer) => {
    expect(await begun(answer, { mounts: true, has: true })).toEqual(['mounted', ['HEAD']]);
    expect(await begun(answer, { mounts: true, has: false })).toEqual([otherwise, ['HEAD']]);
  });

  test('that names another digest is none', async () => {
    const answer = [201, { 'docker-content-digest': other, location: blob }] as const;
    expect(await begun(answer, { mounts: true, has: true })).toEqual(['ERR_REGISTRY_PROTOCOL', []]);
  });
});

describe('an answer to the start of an upload', () => {
  test.each<[string, string, ...Answered]>([
    ['201 and an upload', upload, 201, { location: upload }],
    ['201 and a place of its own', '/up/1', 201, { location: '/up/1' }],
    ['201 and a blob', 'ERR_REGISTRY_PROTOCOL', 201, { location: blob, ...named }],
    ['202 and a blob', 'ERR_REGISTRY_PROTOCOL', 202, { location: blob.replace(':', '%3a') }],
    ['201 and nothing', 'ERR_REGISTRY_PROTOCOL', 201, {}],
  ])('of %s comes to %s', async (_, expected, ...answer) => {
    expect(await begun(answer, { mounts: false, has: true })).toEqual([expected, []]);
  });
});

describe('the end of an upload', () => {
  test.each<[string, number, number, number | undefined]>([
    ['201', 404, 201, undefined],
    ['202, and the blob is shown', 200, 202, undefined],
    ['204, and the blob is shown', 200, 204, undefined],
    ['202, and nobody may look', 403, 202, undefined],
    ['202, and looks are not known', 405, 202, undefined],
    ['202, and no blob is shown', 404, 202, 202],
    ['204, and no blob is shown', 404, 204, 204],
    ['202, and the look fails', 500, 202, 500],
  ])('is answered with %s', async (_, looked, status, fails) => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        if (request.method === 'POST') response.writeHead(202, { location: upload }).end();
        else if (request.method === 'PUT') response.writeHead(status).end();
        else response.writeHead(looked, { 'content-length': '1000' }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await using session = await beginSession(registry.repository('a'));
    const put = session.put(contentOf(bytes), digest);
    if (fails === undefined) await put;
    else await expect(put).rejects.toMatchObject({ name: 'RegistryError', status: fails });
    expect(server.seen.filter(({ method }) => method === 'HEAD')).toHaveLength(status === 201 ? 0 : 1);
  });

  test('a blob of another size is not the one that was sent', async () => {
    await using server = await startScriptedServer(
      afterPing(async (request, response) => {
        await request.read();
        if (request.method === 'HEAD') response.writeHead(200, { 'content-length': '999' }).end();
        else response.writeHead(202, { location: upload }).end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    await using session = await beginSession(registry.repository('a'));
    await expect(session.put(contentOf(bytes), digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_PROTOCOL',
      message: expect.stringContaining(`does not have the blob ${digest}`),
    });
  });
});
