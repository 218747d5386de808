import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FirstQuestion } from '@slipway/push';
import type { ManifestStat, Repository } from '@slipway/registry-client';
import { randomImage, startRegistry, temporaryFolder, writeDockerArchive, writeOciLayout } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { createClient, type PushReport, type PushRequest, type UserAndPassword } from '../index.ts';
import { askAhead } from './ask-ahead.ts';

const image = randomImage({ seed: 'ahead', layers: [{ kind: 'text', size: 30_000 }] });

describe('a push', () => {
  test.each([
    ['an archive', 'a.tar', 'GET /v2/demo/app/manifests/1'],
    ['a layout, which has its manifest', 'layout', 'HEAD /v2/demo/app/manifests/1'],
  ])('of %s without credentials asks before the registry has answered the ping', async (_, name, question) => {
    await using scene = await openScene();
    scene.holdPing();
    const asked = scene.asked();
    const pushing = scene.push(name);
    expect(await asked).toBe(question); // the ping is still waiting
    scene.releasePing();
    expect(await pushing).toMatchObject({ results: [{ ok: true }] });
    expect(scene.requests.slice(0, 2).toSorted()).toEqual(['GET /v2/', question].toSorted());
    // The last one is the look at what was put.
    expect(scene.requests.filter((line) => /manifests\/1$/.test(line))).toHaveLength(3);
  });

  test.each([
    ['with credentials', { credentials: { username: 'demo', password: 'secret' } }],
    ['that sends everything anew', { force: true }],
    ['of an old format', { format: 'schema1' as const, dryRun: true }],
  ])('%s pings first', async (_, options) => {
    await using scene = await openScene();
    expect(await scene.push('a.tar', options)).toMatchObject({ results: [{ ok: true }] });
    expect(scene.requests[0]).toBe('GET /v2/');
  });

  test('whose early question fails asks it again', async () => {
    await using scene = await openScene();
    const rule = scene.registry.misbehave({ match: { kind: 'manifest-get' }, times: 1, status: 500 });
    expect(await scene.push('a.tar')).toMatchObject({ results: [{ ok: true }] });
    expect(rule.hits).toBe(1);
    expect(scene.requests.filter((line) => line === 'GET /v2/demo/app/manifests/1')).toHaveLength(2);
  });

  test('to a registry that cannot be used fails as it would, and waits for no answer', async () => {
    await using scene = await openScene();
    scene.registry.misbehave({ match: { kind: 'manifest-get' }, stall: true });
    const page = { status: 200, body: '<html>sign in</html>', headers: { 'content-type': 'text/html' } };
    scene.registry.misbehave({ match: { kind: 'ping' }, ...page, omitHeaders: ['docker-distribution-api-version'] });
    const { results } = await scene.push('a.tar', { retries: 0 });
    expect(results[0]).toMatchObject({ ok: false, error: { message: expect.stringMatching(/web page/i) } });
  });
});

describe('what came', () => {
  const question: FirstQuestion = { method: 'statManifest', tagOrDigest: '1' };
  const stat = (mediaType: string): ManifestStat => ({ mediaType, digest: undefined, size: 1 });
  const repositoryThatSays = (text: string): Repository =>
    ({
      statManifest: async () => stat(text),
      getManifest: async () => undefined,
      putManifest: async () => ({ status: 201 }),
    }) as unknown as Repository;
  const ask = (): ReturnType<typeof askAhead> => askAhead(repositoryThatSays('early'), async () => question, {});

  test('answers the first question, once', async () => {
    using ahead = ask();
    const repository = ahead.before(repositoryThatSays('now'));
    expect(await repository.statManifest('1')).toEqual(stat('early'));
    expect(await repository.statManifest('1')).toEqual(stat('now'));
  });

  test.each<[string, (repository: Repository) => Promise<unknown>]>([
    ['another tag', (repository) => repository.statManifest('2')],
    ['another method', (repository) => repository.getManifest('1')],
    ['other forms', (repository) => repository.statManifest('1', { accept: ['text/plain'] })],
    ['a manifest that was put', (repository) => repository.putManifest('1', new Uint8Array(1), { mediaType: 'a/b' })],
  ])('answers nothing after a question for %s', async (_, first) => {
    using ahead = ask();
    const repository = ahead.before(repositoryThatSays('now'));
    await first(repository);
    expect(await repository.statManifest('1')).toEqual(stat('now'));
  });
});

interface Scene extends AsyncDisposable {
  readonly registry: Awaited<ReturnType<typeof startRegistry>>;
  /** Each request as it came, `GET /v2/`, before it is handed on. */
  readonly requests: readonly string[];
  holdPing(): void;
  releasePing(): void;
  /** The next request that is no ping. */
  asked(): Promise<string>;
  /** Pushes `a.tar` or `layout`. */
  push(source: string, options?: PushChoice): Promise<PushReport>;
}

interface PushChoice extends Pick<PushRequest, 'force' | 'format' | 'dryRun'> {
  readonly credentials?: UserAndPassword | undefined;
  readonly retries?: number | undefined;
}

/** A registry behind a gate that can hold the ping back. */
async function openScene(): Promise<Scene> {
  const folder = await temporaryFolder();
  const content = await image;
  await writeDockerArchive(join(folder.path, 'a.tar'), [{ image: content, references: ['demo/app:1'] }]);
  await writeOciLayout(join(folder.path, 'layout'), [{ content }]);
  const registry = await startRegistry();
  const requests: string[] = [];
  const held: (() => void)[] = [];
  let isHolding = false;
  let tell: ((line: string) => void) | undefined;
  const gate = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    if (line === 'GET /v2/' && isHolding) held.push(() => handOn(request, response, registry.host));
    else {
      handOn(request, response, registry.host);
      if (line !== 'GET /v2/') tell?.(line);
    }
  });
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(gate.address() as AddressInfo).port}`;
  return {
    registry,
    requests,
    holdPing: () => {
      isHolding = true;
    },
    releasePing: () => {
      isHolding = false;
      for (const release of held.splice(0)) release();
    },
    asked: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
    async push(source, { credentials, retries, ...options } = {}) {
      await using client = await createClient({ isolated: true, plainHttp: true, credentials, retries });
      return await client.pushSettled({ source: join(folder.path, source), to: `${host}/demo/app:1`, ...options });
    },
    async [Symbol.asyncDispose]() {
      gate.closeAllConnections();
      gate.close();
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function handOn(request: IncomingMessage, response: ServerResponse, host: string): void {
  const { method, url, headers } = request;
  const [hostname, port] = host.split(':');
  const onward = sendRequest({ hostname, port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
