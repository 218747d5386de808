import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, requireTool, runTool, testCertificates, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test, vi } from 'vitest';
import { findDaemonEndpoint, openDaemonSource } from '../src/daemon.ts';
import { startDaemonDouble } from './daemon-double.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);
const image = await randomImage({ seed: 'daemon', layers: [{ size: 200_000 }, {}] });

async function savedImage(layout: 'old' | 'new' = 'new'): Promise<string> {
  const path = at(`${layout}.tar`);
  await writeDockerArchive(path, [{ image, references: ['demo/app:v1'] }], { layout });
  return path;
}

describe('openDaemonSource', () => {
  test.each(['old', 'new'] as const)('an image saved in the %s layout comes over a unix socket', async (layout) => {
    const socket = at('docker.sock');
    await using daemon = await startDaemonDouble({ socket, images: { 'demo/app:v1': await savedImage(layout) } });
    const onSpool = vi.fn();
    await using source = await openDaemonSource('demo/app:v1', { host: daemon.host, spoolFolder: folder(), onSpool });
    expect(source).toMatchObject({ kind: 'docker-daemon', name: 'demo/app:v1' });
    expect(onSpool).toHaveBeenCalledExactlyOnceWith({
      name: 'docker-daemon:demo/app:v1',
      path: expect.stringContaining(folder()),
    });
    const [item] = source.items;
    if (item?.kind !== 'image') throw new Error('expected an image');
    expect(item.names).toEqual(['demo/app:v1']);
    expect(item.config.digest).toBe(image.imageID);
    const [layer] = item.layers;
    expect((await bytesOf(layer!.content!)).equals(await bytesOf(image.layers[0]!.tar))).toBe(true);
    expect(daemon.paths).toEqual(['/images/demo/app:v1/get']);
  });

  test.each([
    ['a name without a tag', 'alpine', ['/images/alpine:latest/get']],
    ['a long name', 'docker.io/library/alpine:3', ['/images/alpine:3/get']],
    ['another registry', 'localhost:5000/a/b:c', ['/images/localhost:5000/a/b:c/get']],
    ['an image ID', '0'.repeat(64), [`/images/sha256:${'0'.repeat(64)}/get`]],
    ['a short image ID', 'c0ffee123456', ['/images/c0ffee123456:latest/get', '/images/c0ffee123456/get']],
  ])('%s is asked for as the daemon knows it', async (_, reference, paths) => {
    await using daemon = await startDaemonDouble();
    await expect(openDaemonSource(reference, { host: daemon.host })).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: expect.stringMatching(/^The Docker daemon at tcp:.* has no image .*: No such image: /),
      hint: expect.stringContaining('docker images'),
    });
    expect(daemon.paths).toEqual(paths);
  });

  test.each([
    ['a name without a tag', 'alpine', ['/images/alpine/get']],
    ['a name of another registry', 'localhost:5000/a/b', ['/images/localhost:5000/a/b/get']],
    ['what may be the beginning of an ID', 'c0ffee', ['/images/c0ffee/get']],
    ['a name with a tag', 'alpine:3', ['/images/alpine:3/get']],
  ])('where all tags are wanted, %s is asked for as it is', async (_, reference, paths) => {
    await using daemon = await startDaemonDouble();
    await expect(openDaemonSource(reference, { host: daemon.host, allTags: true })).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
    });
    expect(daemon.paths).toEqual(paths);
  });

  test('all tags of a repository come as one source', async () => {
    const other = await randomImage({ seed: 'daemon-other', layers: [{}] });
    const path = at('all.tar');
    const images = [
      { image, references: ['demo/app:v1', 'demo/app:v2'] },
      { image: other, references: ['demo/app:v3'] },
    ];
    await writeDockerArchive(path, images);
    await using daemon = await startDaemonDouble({ images: { 'demo/app': path } });
    await using source = await openDaemonSource('demo/app', { host: daemon.host, allTags: true });
    expect(source.name).toBe('demo/app');
    expect(source.items.map(({ names }) => names)).toEqual([['demo/app:v1', 'demo/app:v2'], ['demo/app:v3']]);
  });

  test('an image found by the beginning of its ID is called by that', async () => {
    await using daemon = await startDaemonDouble({ images: { c0ffee123456: await savedImage() } });
    await using source = await openDaemonSource('c0ffee123456', { host: daemon.host });
    expect(source.name).toBe('c0ffee123456');
  });

  test('an older daemon says 500 for an image it has not', async () => {
    await using daemon = await startDaemonDouble({
      listener: (_, response) => response.writeHead(500).end('reference does not exist\n'),
    });
    await expect(openDaemonSource('app', { host: daemon.host })).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: expect.stringMatching(/: reference does not exist$/),
    });
  });

  test('another refusal is told in the daemon’s words, within a limit', async () => {
    await using daemon = await startDaemonDouble({
      listener: (_, response) => response.writeHead(503).end('busy '.repeat(100_000)),
    });
    const error = await openDaemonSource('app', { host: daemon.host }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_SOURCE_UNREADABLE', message: expect.stringContaining('answered 503') });
    expect((error as Error).message.length).toBeLessThan(70_000);
  });

  test('a daemon that breaks off is blamed, not the archive; nothing stays on the disk', async () => {
    await using daemon = await startDaemonDouble({
      listener: (_, response) => {
        response.writeHead(200, { 'content-length': '100000' });
        response.write(Buffer.alloc(50_000), () => response.destroy());
      },
    });
    await mkdir(at('spool'));
    const opening = openDaemonSource('app', { host: daemon.host, spoolFolder: at('spool') });
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_SOURCE_UNREADABLE',
      message: expect.stringContaining('broke off'),
    });
    expect(await readdir(at('spool'))).toEqual([]);
  });

  test('an abort ends the wait for an answer with its own reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using daemon = await startDaemonDouble({ listener: () => controller.abort(reason) });
    await expect(openDaemonSource('app', { host: daemon.host, signal: controller.signal })).rejects.toBe(reason);
  });

  test('a daemon that is not there is told with what to do', async () => {
    const host = `unix://${at('none.sock')}`;
    await expect(openDaemonSource('app', { host })).rejects.toMatchObject({
      code: 'ERR_SOURCE_UNREADABLE',
      message: `Cannot reach the Docker daemon at ${host}: ENOENT`,
      hint: expect.stringContaining('DOCKER_HOST'),
    });
  });

  test.each([
    ['ssh://me@host', 'ERR_SOURCE_UNSUPPORTED'],
    ['fd://', 'ERR_SOURCE_UNSUPPORTED'],
    ['here', 'ERR_SOURCE_UNSUPPORTED'],
    ['unix://', 'ERR_SOURCE_INVALID'],
    ['tcp://', 'ERR_SOURCE_INVALID'],
  ])('the address %s is refused', async (host, code) => {
    await expect(openDaemonSource('app', { host })).rejects.toMatchObject({ code });
  });

  test.skipIf(requireTool('openssl'))('TLS shows the client’s certificate and checks the daemon’s', async () => {
    const { ca, cert, key, clientCert, clientKey } = await testCertificates();
    await using daemon = await startDaemonDouble({
      images: { 'app:latest': await savedImage() },
      tls: { ca, cert, key, requestCert: true },
    });
    const tls = { ca, cert: clientCert, key: clientKey };
    await using source = await openDaemonSource('app', { host: daemon.host, tls });
    expect(source.items).toHaveLength(1);
    await expect(openDaemonSource('app', { host: daemon.host, tls: { ...tls, ca: undefined } })).rejects.toMatchObject({
      code: 'ERR_SOURCE_UNREADABLE',
      message: expect.stringMatching(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER/),
    });
    const unchecked = { ...tls, ca: undefined, verify: false };
    await using again = await openDaemonSource('app', { host: daemon.host, tls: unchecked });
    expect(again.items).toHaveLength(1);
  });
});

describe('findDaemonEndpoint', () => {
  const find = (variables: Readonly<Record<string, string>> = {}): ReturnType<typeof findDaemonEndpoint> =>
    findDaemonEndpoint({ variables, configFolder: at('docker') });

  async function writeContext(name: string, docker: object | undefined, pems: readonly string[] = []): Promise<void> {
    const id = createHash('sha256').update(name).digest('hex');
    await mkdir(at(`docker/contexts/meta/${id}`), { recursive: true });
    await mkdir(at(`docker/contexts/tls/${id}/docker`), { recursive: true });
    const meta = { Name: name, Metadata: {}, Endpoints: docker && { docker } };
    await writeFile(at(`docker/contexts/meta/${id}/meta.json`), JSON.stringify(meta));
    for (const pem of pems) await writeFile(at(`docker/contexts/tls/${id}/docker/${pem}.pem`), `the ${pem}`);
  }

  test('a pipe in the place of config.json is told, and waited for by nobody', async () => {
    await mkdir(at('docker'), { recursive: true });
    await runTool('mkfifo', [at('docker/config.json')]);
    const message = expect.stringContaining('it is a pipe, not a file');
    await expect(find()).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  test('nothing said means the default socket', async () => {
    expect(await find({ DOCKER_HOST: '', DOCKER_CONTEXT: 'default' })).toEqual({ host: 'unix:///var/run/docker.sock' });
  });

  test('DOCKER_HOST wins over DOCKER_CONTEXT, which wins over the current context', async () => {
    await writeContext('one', { Host: 'unix:///one.sock' });
    await writeContext('two', { Host: 'tcp://two:1', SkipTLSVerify: false });
    await writeFile(at('docker/config.json'), JSON.stringify({ currentContext: 'one' }));
    expect(await find()).toEqual({ host: 'unix:///one.sock' });
    expect(await find({ DOCKER_CONTEXT: 'two' })).toEqual({ host: 'tcp://two:1' });
    expect(await find({ DOCKER_CONTEXT: 'two', DOCKER_HOST: 'tcp://three:1' })).toEqual({ host: 'tcp://three:1' });
  });

  test('a context brings its certificates', async () => {
    await writeContext('far', { Host: 'tcp://far:2376' }, ['ca', 'cert', 'key']);
    const tls = { ca: 'the ca', cert: 'the cert', key: 'the key', verify: true };
    expect(await find({ DOCKER_CONTEXT: 'far' })).toEqual({ host: 'tcp://far:2376', tls });
    await writeContext('lax', { Host: 'tcp://lax:2376', SkipTLSVerify: true });
    expect(await find({ DOCKER_CONTEXT: 'lax' })).toEqual({ host: 'tcp://lax:2376', tls: { verify: false } });
  });

  test.each([
    ['DOCKER_TLS_VERIFY', true],
    ['DOCKER_TLS', false],
  ])('%s takes the certificates of DOCKER_CERT_PATH', async (variable, verify) => {
    await mkdir(at('certs'));
    await writeFile(at('certs/ca.pem'), 'mine');
    const found = await find({ DOCKER_HOST: 'tcp://h:1', [variable]: '1', DOCKER_CERT_PATH: at('certs') });
    expect(found).toEqual({ host: 'tcp://h:1', tls: { ca: 'mine', verify } });
  });

  test('a context that does not exist is named', async () => {
    await expect(find({ DOCKER_CONTEXT: 'gone' })).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: 'There is no docker context "gone"',
    });
  });

  test.each([
    ['a damaged config.json', 'config.json', '{', 'is not JSON'],
    ['a context that is no text', 'config.json', '{"currentContext":7}', 'currentContext is not a string'],
  ])('%s is told', async (_, name, text, message) => {
    await mkdir(at('docker'));
    await writeFile(at(`docker/${name}`), text);
    await expect(find()).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('a context for something else than Docker is refused', async () => {
    await writeContext('k8s', undefined);
    await expect(find({ DOCKER_CONTEXT: 'k8s' })).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
  });

  test('a file that cannot be read is told', async () => {
    await mkdir(at('docker/config.json'), { recursive: true });
    await expect(find()).rejects.toMatchObject({ code: 'ERR_SOURCE_UNREADABLE' });
  });
});
