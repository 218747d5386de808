import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { type QuirkName, type RegistryQuirks, requireTool, startDebianRegistry, startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openRegistry, planDeletion, type Repository } from '../src/index.ts';
import { beginSession, listOf, manifestOf, testBytes } from './push-through.ts';
import { afterPing, startScriptedServer } from './scripted-server.ts';

const layer = testBytes(1_000);
const blob = digestBytes(layer);
const manifest = manifestOf(layer);
const digest = digestBytes(manifest);
const mediaType = mediaTypes.ociManifest;
const absent = digestBytes(testBytes(5));

/** Pushes one manifest under each tag. */
async function push(repository: Repository, ...tags: string[]): Promise<void> {
  await using session = await beginSession(repository);
  await session.put(contentOf(layer), blob);
  for (const tag of tags) await repository.putManifest(tag, manifest, { mediaType });
}

async function withRegistry(
  quirks: QuirkName | Partial<RegistryQuirks>,
  run: (repository: Repository, server: Awaited<ReturnType<typeof startRegistry>>) => Promise<void>,
): Promise<void> {
  await using server = await startRegistry({ quirks });
  await using registry = openRegistry({ url: server.url });
  const repository = registry.repository('demo/app');
  await push(repository, 'v1', 'v2');
  await run(repository, server);
}

describe('deleteTag', () => {
  test('takes the tag and leaves the manifest with its other tags', async () => {
    await withRegistry({}, async (repository, server) => {
      expect(await repository.deleteTag('v1')).toEqual({ digest, keepsManifest: true });
      expect(server.tags('demo/app')).toEqual(['v2']);
      expect(await repository.deleteTag('v2')).toEqual({ digest, keepsManifest: true });
      expect(await repository.resolve(digest)).toEqual({ mediaType, digest, size: manifest.byteLength });
    });
  });

  test('a tag that is not there is undefined, and nothing is deleted', async () => {
    await withRegistry({}, async (repository, server) => {
      server.clearRequests();
      expect(await repository.deleteTag('v3')).toBeUndefined();
      expect(server.requests.map(({ kind }) => kind)).toEqual(['manifest-head']);
    });
  });

  test.each(['with-manifest', 'last-with-manifest'] as const)(
    'tells of a registry that goes on: %s',
    async (tagDelete) => {
      await withRegistry({ tagDelete }, async (repository) => {
        const keepsManifest = tagDelete === 'last-with-manifest';
        expect(await repository.deleteTag('v1')).toEqual({ digest, keepsManifest });
        expect(await repository.deleteTag('v2')).toEqual(keepsManifest ? { digest, keepsManifest: false } : undefined);
      });
    },
  );

  test.each<[string, QuirkName | Partial<RegistryQuirks>, number]>([
    ['405', { tagDelete: 'unsupported' }, 405],
    ['400, as for a bad digest', 'distribution-2', 400],
  ])('a registry that deletes no tags is told apart, and loses nothing: %s', async (_, quirks, status) => {
    await withRegistry(quirks, async (repository, server) => {
      const code = 'ERR_REGISTRY_UNSUPPORTED';
      const expected = { code, status, operation: 'delete-tag', transient: false };
      await expect(repository.deleteTag('v1')).rejects.toMatchObject(expected);
      await expect(repository.deleteTag('v1', { confirm: false })).rejects.toMatchObject(expected);
      expect([server.tags('demo/app'), server.manifests('demo/app')]).toEqual([['v1', 'v2'], [digest]]);
    });
  });

  test('a yes is not believed while the tag is there', async () => {
    await withRegistry({}, async (repository, server) => {
      server.misbehave({ match: { kind: 'manifest-delete' }, times: 2, status: 202 });
      await expect(repository.deleteTag('v1')).rejects.toMatchObject({
        code: 'ERR_REGISTRY_NOT_DELETED',
        operation: 'delete-tag',
        transient: true,
        message: `${server.host}/demo/app confirmed the deletion of tag v1, and still has it`,
      });
      expect(await repository.deleteTag('v1', { confirm: false })).toEqual({
        digest: undefined,
        keepsManifest: undefined,
      });
      expect(server.tags('demo/app')).toEqual(['v1', 'v2']);
    });
  });

  test('a push that comes in between is no failure', async () => {
    const other = testBytes(3);
    await using server = await startScriptedServer(
      afterPing((request, response) => {
        const isDeleted = server.seen.some(({ method }) => method === 'DELETE');
        if (request.method === 'DELETE') return void response.writeHead(202).end();
        const named = isDeleted && request.url.endsWith('/v1') ? digestBytes(other) : digest;
        response
          .writeHead(200, { 'content-type': mediaType, 'docker-content-digest': named, 'content-length': 3 })
          .end();
      }),
    );
    await using registry = openRegistry({ url: server.url });
    expect(await registry.repository('a').deleteTag('v1')).toEqual({ digest, keepsManifest: true });
  });
});

test('a plan leaves out what a registry lists and is no tag, and knows that it may not know all', async () => {
  await withRegistry({}, async (repository, server) => {
    server.misbehave({ match: { kind: 'tags' }, status: 200, body: { tags: ['v1', '../v2', '', 'v2'] } });
    const plan = await planDeletion(repository, { digest });
    expect(plan).toMatchObject({ tags: ['v1', 'v2'], isComplete: false });
  });
});

describe('deleteManifest', () => {
  test('takes all its tags', async () => {
    await withRegistry({}, async (repository, server) => {
      expect(await repository.deleteManifest(digest)).toBe(true);
      expect([server.tags('demo/app'), server.manifests('demo/app')]).toEqual([[], []]);
      expect(await repository.deleteManifest(digest)).toBe(false);
    });
  });

  test.each([
    [
      'of a registry where deletes are off',
      { manifestDelete: 'unsupported' } as const,
      undefined,
      'ERR_REGISTRY_UNSUPPORTED',
    ],
    ['that says yes and does nothing', {}, { status: 202 }, 'ERR_REGISTRY_NOT_DELETED'],
    ['that knows no such request', {}, { status: 404, body: '404 page not found' }, 'ERR_REGISTRY_UNSUPPORTED'],
    [
      'that says it is unknown, and shows it',
      {},
      { status: 404, body: unknown('MANIFEST_UNKNOWN') },
      'ERR_REGISTRY_NOT_DELETED',
    ],
    ['that says so with another status', {}, { status: 403, body: unknown('UNSUPPORTED') }, 'ERR_REGISTRY_UNSUPPORTED'],
    ['that is not allowed', {}, { status: 403, body: unknown('DENIED') }, 'ERR_REGISTRY_DENIED'],
    ['that is down', {}, { status: 503 }, 'ERR_REGISTRY_UNAVAILABLE'],
    ['that a retention rule forbids', {}, { status: 412, body: unknown('PRECONDITION') }, 'ERR_REGISTRY_UNEXPECTED'],
    [
      'of a web site',
      {},
      { status: 200, body: '<html>sign in</html>', omitHeaders: ['docker-distribution-api-version'] },
      'ERR_REGISTRY_PROTOCOL',
    ],
  ])('a deletion %s is an error', async (_, quirks, answer, code) => {
    await withRegistry(quirks, async (repository, server) => {
      if (answer !== undefined) server.misbehave({ match: { kind: 'manifest-delete' }, ...answer });
      await expect(repository.deleteManifest(digest)).rejects.toMatchObject({ code });
      expect(server.tags('demo/app')).toEqual(['v1', 'v2']);
    });
  });

  test.each([401, 403])('a registry that lets nobody look at what is gone (%d) is believed', async (status) => {
    await withRegistry({}, async (repository, server) => {
      server.misbehave({ match: { kind: ['manifest-head', 'manifest-get'] }, status });
      expect(await repository.deleteManifest(digest)).toBe(true);
    });
  });

  test('without `confirm` there is one request', async () => {
    await withRegistry({}, async (repository, server) => {
      server.clearRequests();
      expect(await repository.deleteManifest(absent, { confirm: false })).toBe(false);
      expect(await repository.deleteManifest(digest, { confirm: false })).toBe(true);
      expect(server.requests.map(({ kind }) => kind)).toEqual(['manifest-delete', 'manifest-delete']);
    });
  });

  test('a tag is refused before anything is sent, and a digest where a tag goes', async () => {
    await using registry = openRegistry({ url: 'http://127.0.0.1:9' });
    const repository = registry.repository('a');
    await expect(repository.deleteManifest('v1' as Digest)).rejects.toThrow(TypeError);
    await expect(repository.deleteBlob('v1' as Digest)).rejects.toThrow(TypeError);
    await expect(repository.deleteTag(digest)).rejects.toThrow(/deleteManifest/);
    await expect(repository.deleteTag('')).rejects.toThrow(TypeError);
  });
});

describe('deleteBlob', () => {
  test('takes the blob', async () => {
    await withRegistry({}, async (repository, server) => {
      expect(await repository.deleteBlob(blob)).toBe(true);
      expect(server.hasBlob('demo/app', blob)).toBe(false);
      expect(await repository.deleteBlob(blob)).toBe(false);
    });
  });

  test('405 and a yes without a deed are told', async () => {
    await withRegistry({ blobDelete: 'unsupported' }, async (repository, server) => {
      const operation = 'delete-blob';
      const expected = { code: 'ERR_REGISTRY_UNSUPPORTED', operation };
      await expect(repository.deleteBlob(blob)).rejects.toMatchObject(expected);
      server.misbehave({ match: { kind: 'blob-delete' }, status: 202 });
      await expect(repository.deleteBlob(blob)).rejects.toMatchObject({ code: 'ERR_REGISTRY_NOT_DELETED', operation });
    });
  });
});

describe('the right to delete', () => {
  const users = { ann: 'secret-word' };
  const credentials = async () => ({ kind: 'basic', username: 'ann', password: 'secret-word' }) as const;

  test('is asked for when the registry names it, once, and not with the tokens of pushes', async () => {
    await using server = await startRegistry({ auth: { kind: 'bearer', users } });
    await using registry = openRegistry({ url: server.url, credentials });
    const repository = registry.repository('demo/app');
    await push(repository, 'v1', 'v2', 'v3');
    const before = server.tokensIssued;
    for (const tag of ['v1', 'v2', 'v3']) expect(await repository.deleteTag(tag)).toMatchObject({ digest });
    expect(server.tokensIssued - before).toBe(2);
    const tokens = server.requests.filter(({ kind }) => kind === 'token');
    const scopes = tokens.flatMap(({ query }) => query.getAll('scope'));
    expect(scopes).toEqual([
      'repository:demo/app:push,pull',
      'repository:demo/app:push,pull',
      'repository:demo/app:push,pull,delete',
    ]);
    server.clearRequests();
    await push(repository, 'v4');
    expect(server.requests.filter(({ kind }) => kind === 'token')).toEqual([]);
  });

  test('that a user lacks is told as missing', async () => {
    const allow = (_user: string, _repository: string, action: string): boolean => action !== 'delete';
    await using server = await startRegistry({ auth: { kind: 'bearer', users, allow } });
    await using registry = openRegistry({ url: server.url, credentials });
    const repository = registry.repository('demo/app');
    await push(repository, 'v1');
    await expect(repository.deleteManifest(digest)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_REGISTRY_(?:DENIED|UNAUTHORIZED)$/),
    });
    expect(server.tags('demo/app')).toEqual(['v1']);
  });
});

describe.skipIf(requireTool('docker-registry'))('Debian’s docker-registry', () => {
  test('deletes manifests and blobs, and no tags', async () => {
    await using server = await startDebianRegistry();
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('demo/app');
    await push(repository, 'v1', 'v2');
    await expect(repository.deleteTag('v1')).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNSUPPORTED',
      status: 400,
      diagnostics: [{ code: 'DIGEST_INVALID' }],
    });
    expect(await listOf(repository.listTags())).toEqual(['v1', 'v2']);
    expect(await repository.deleteManifest(digest)).toBe(true);
    expect(await listOf(repository.listTags())).toEqual([]);
    expect([await repository.deleteBlob(blob), await repository.deleteBlob(blob)]).toEqual([true, false]);
    expect(await repository.deleteManifest(digest)).toBe(false);
  });

  test('with deletes switched off refuses each with 405', async () => {
    await using server = await startDebianRegistry({ config: { storage: { delete: { enabled: false } } } });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('demo/app');
    await push(repository, 'v1');
    const code = 'ERR_REGISTRY_UNSUPPORTED';
    const [status, diagnostics] = [405, [{ code: 'UNSUPPORTED' }]];
    await expect(repository.deleteTag('v1')).rejects.toMatchObject({
      code,
      status,
      diagnostics,
      operation: 'delete-tag',
    });
    await expect(repository.deleteManifest(digest)).rejects.toMatchObject({
      code,
      status,
      operation: 'delete-manifest',
    });
    await expect(repository.deleteBlob(blob)).rejects.toMatchObject({ code, status, operation: 'delete-blob' });
    expect(await listOf(repository.listTags())).toEqual(['v1']);
  });
});

function unknown(code: string): object {
  return { errors: [{ code, message: 'no' }] };
}
