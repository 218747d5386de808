import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  multiPlatformImage,
  randomImage,
  readBack,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let source: EmbeddedRegistry;
/** A run of the program takes seconds on a busy machine, and a test has several. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));

beforeAll(async () => {
  folder = await temporaryFolder();
  source = await startRegistry();
});
afterAll(async () => {
  await source[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const at = (name: string): string => join(folder.path, name);

function push(...args: string[]): Promise<CliResult> {
  return runCli(['push', ...args, '--plain-http', '--progress', 'plain', '--retries', '0']);
}

/** The selector of a hint, as a shell would read it. */
function pasted({ stderr }: CliResult): string {
  const [, quoted, plain] = /name one, as in (?:'([^']*)'|([^\s,]+))/.exec(stderr) ?? [];
  return quoted ?? plain ?? '';
}

describe('several images in one source', () => {
  test.each(['two images.tar', 'unnamed.tar', 'layout:odd'])('the hint works when it is pasted: %s', async (name) => {
    await using registry = await startRegistry();
    const [first, second] = [await randomImage({ seed: 1 }), await randomImage({ seed: 2 })];
    const [v1, v2] = name === 'unnamed.tar' ? [[], []] : [['demo/app:v1'], ['demo/app:v2']];
    if (name === 'layout:odd') await writeOciLayout(at(name), [{ content: first }, { content: second }]);
    else {
      await writeDockerArchive(at(name), [
        { image: first, references: v1 },
        { image: second, references: v2 },
      ]);
    }
    const refused = await push(at(name), `${registry.host}/a/b:1`);
    expect(refused.code).toBe(2);
    expect((await push(pasted(refused), `${registry.host}/a/b:1`)).code).toBe(0);
    expect((await readBack(registry.host, 'a/b', '1')).config?.digest).toBe(first.imageID);
    expect((await push(`${at(name)}@${second.imageID}`, `${registry.host}/a/b:2`)).code).toBe(0);
    expect((await readBack(registry.host, 'a/b', '2')).config?.digest).toBe(second.imageID);
  });

  test('platforms without names are pushed as one index, or one of them', async () => {
    await using registry = await startRegistry();
    const images = await multiPlatformImage(platforms, { seed: 'flat' });
    await writeOciLayout(
      at('flat'),
      images.map((content) => ({ content })),
    );
    expect((await push(at('flat'), `${registry.host}/a/flat:1`)).code).toBe(0);
    expect((await readBack(registry.host, 'a/flat', '1')).children).toHaveLength(2);
    expect((await push(at('flat'), `${registry.host}/a/flat:2`, '--platform', 'linux/arm64')).code).toBe(0);
    expect((await readBack(registry.host, 'a/flat', '2')).config?.digest).toBe(images[1]?.imageID);
  });

  test('a platform that is whole is pushed though another is missing; inspect shows both', async () => {
    await using registry = await startRegistry();
    const images = await multiPlatformImage(platforms, { seed: 'sparse' });
    await writeOciLayout(at('sparse'), [{ content: images, refName: 'v1' }]);
    const config = images[1]?.imageID ?? '';
    await rm(join(at('sparse'), 'blobs', config.replace(':', '/')));
    const refused = await push(at('sparse'), `${registry.host}/a/sparse:1`);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('--platform linux/amd64')]);
    expect((await push(at('sparse'), `${registry.host}/a/sparse:1`, '--platform', 'linux/amd64')).code).toBe(0);
    expect((await push(at('sparse'), `${registry.host}/a/sparse:2`, '--platform', 'linux/arm64')).code).toBe(4);
    const shown = await runCli(['inspect', at('sparse')]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain(`missing    ${config}`);
    expect(shown.stdout).toContain(images[0]?.imageID);
  });

  test('a tag that no registry takes is told before anything is sent, and the others are pushed', async () => {
    await using registry = await startRegistry();
    const content = await randomImage({ seed: 3 });
    await writeOciLayout(at('helm'), [
      { content, refName: 'v1.0+build' },
      { content, refName: 'v1.0' },
    ]);
    const { code, stderr } = await push(at('helm'), `${registry.host}/a/helm`, '--all-tags');
    expect(code).toBe(1);
    expect(stderr).toContain('no registry takes the tag "v1.0+build"');
    expect(registry.tags('a/helm')).toEqual(['v1.0']);
  });

  test.each(['--into', '--tags v*', '--newer-than 30d'])('%s without --all-tags is wrong usage', async (option) => {
    const { code, stderr } = await push('x.tar', '127.0.0.1:1/x', ...option.split(' '));
    expect([code, stderr]).toEqual([2, expect.stringContaining('--all-tags')]);
  });
});

describe('what only a daemon can do', () => {
  test.each(['--detach', '--on-interrupt cancel', '--credentials-name team'])('%s is refused', async (option) => {
    await using registry = await startRegistry();
    const { code, stderr } = await push(at('helm'), `${registry.host}/a/helm:1`, ...option.split(' '));
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${option.split(' ')[0]} is for a push by a daemon`)]);
    expect(registry.requests).toEqual([]);
  });
});

describe('all tags of a repository', () => {
  beforeAll(async () => {
    const tags = ['v1', 'v2', 'latest'];
    const entries = tags.map(async (refName, seed) => ({ content: await randomImage({ seed }), refName }));
    await writeOciLayout(at('all'), await Promise.all(entries));
    expect((await push(at('all'), `${source.host}/all/app`, '--all-tags')).code).toBe(0);
  });

  test('arrive; what is there already costs one HEAD on each side', async () => {
    await using registry = await startRegistry();
    const repository = `docker://${source.host}/all/app`;
    const first = await push(repository, `${registry.host}/copy/app`, '--all-tags');
    expect([first.code, first.stdout.trim().split('\n').length]).toEqual([0, 3]);
    expect([...registry.tags('copy/app')].sort()).toEqual(['latest', 'v1', 'v2']);
    const asked = [source.requests.length, registry.requests.length] as const;
    const again = await push(repository, `${registry.host}/copy/app`, '--all-tags');
    expect([again.code, again.stdout.trim().split('\n').length]).toEqual([0, 3]);
    const since = [source.requests.slice(asked[0]), registry.requests.slice(asked[1])].map((requests) =>
      requests.map(({ method, path }) => `${method} ${path.replace(/^\/v2\/[^/]+\/app\//, '')}`).sort(),
    );
    const heads = ['HEAD manifests/latest', 'HEAD manifests/v1', 'HEAD manifests/v2'];
    expect(since).toEqual([
      ['GET /v2/', 'GET tags/list', ...heads],
      ['GET /v2/', ...heads],
    ]);
  });

  test.each([
    ['a pattern', ['--tags', 'v*'], ['v1', 'v2']],
    ['a time', ['--newer-than', '2100-01-01'], []],
  ])('are chosen by %s', async (_name, options, expected) => {
    await using registry = await startRegistry();
    const { code } = await push(`docker://${source.host}/all/app`, `${registry.host}/b/app`, '--all-tags', ...options);
    expect([code, [...registry.tags('b/app')].sort()]).toEqual([0, expected]);
  });

  test.each([
    ['../x', ['v1']],
    ['', ['v1']],
    ['-v1', ['v1']],
    [`v${'1'.repeat(128)}`, ['v1']],
    ['v1/../v2', []],
  ])('among which %j is no tag are the source’s fault; the others arrive: %j', async (name, others) => {
    await using registry = await startRegistry();
    using _lies = source.misbehave({ match: { kind: 'tags' }, status: 200, body: { tags: [name, ...others] } });
    const { code, stderr } = await push(`docker://${source.host}/all/app`, `${registry.host}/d/app`, '--all-tags');
    expect([code, registry.tags('d/app')]).toEqual([4, others]);
    expect(stderr).toContain(`docker://${source.host}/all/app lists ${JSON.stringify(name)}, which is no tag`);
  });

  test.each([404, 405, 501])('whose list breaks off with %i are the source’s fault; none is pushed', async (status) => {
    await using registry = await startRegistry();
    await using paged = await startRegistry({ quirks: { pageMax: 1 } });
    await push(at('all'), `${paged.host}/all/app`, '--all-tags');
    paged.misbehave({ match: { kind: 'tags' }, after: 1, status });
    const { code, stderr } = await push(`docker://${paged.host}/all/app`, `${registry.host}/c/app`, '--all-tags');
    expect([code, registry.tags('c/app')]).toEqual([4, []]);
    expect(stderr).toContain(`answered ${status}`);
    expect(stderr).toContain('(page 2 of a list)');
  });

  test.each([
    ['a layout', () => at('all')],
    ['a repository', () => `docker://${source.host}/all/app`],
  ])('none of %s is new enough: nothing is pushed, and that is told', async (_name, text) => {
    await using registry = await startRegistry();
    const args = [`${registry.host}/all/app`, '--all-tags', '--newer-than', '2099-05-01'] as const;
    const { code, stdout, stderr } = await push(text(), ...args);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('is new enough: nothing is pushed');
    expect((await push(text(), ...args, '--quiet')).stderr).toBe('');
  });

  test('of a source with a tag are wrong usage', async () => {
    const { code, stderr } = await push(`docker://${source.host}/all/app:v1`, '127.0.0.1:1/x', '--all-tags');
    expect([code, stderr]).toEqual([2, expect.stringContaining('leave the tag off')]);
  });

  test('of a file of which one image is chosen are wrong usage, and the hint names the flags', async () => {
    const { code, stderr } = await push(`oci:${at('all')}:v2`, '127.0.0.1:1/x', '--all-tags');
    expect([code, stderr]).toEqual([2, expect.stringContaining('leave :v2 off; --tags chooses among the tags')]);
  });
});

describe('a registry as a source', () => {
  const attempts = ['--plain-http', '--progress', 'plain', '--retries', '2'];

  test.each([
    ['manifest', 'manifest-get'],
    ['config', 'blob-get'],
  ])('has patience for its %s', async (_name, kind) => {
    await using moody = await startRegistry();
    await using registry = await startRegistry();
    await writeDockerArchive(at('moody.tar'), [{ image: await randomImage({ seed: 9 }), references: [] }]);
    expect((await push(at('moody.tar'), `${moody.host}/m/app:1`)).code).toBe(0);
    moody.misbehave({ match: { kind: kind as never }, times: 1, status: 503, headers: { 'retry-after': '0' } });
    const { code, stderr } = await runCli([
      'push',
      `docker://${moody.host}/m/app:1`,
      `${registry.host}/c/app:1`,
      ...attempts,
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('')]);
  });

  test('that lacks a blob is the side that is named, with an exit code of its own', async () => {
    await using moody = await startRegistry();
    await using registry = await startRegistry();
    await writeDockerArchive(at('gone.tar'), [{ image: await randomImage({ seed: 9 }), references: [] }]);
    expect((await push(at('gone.tar'), `${moody.host}/m/app:1`)).code).toBe(0);
    moody.misbehave({ match: { kind: 'blob-get' as never }, times: 100, status: 404 });
    const { code, stderr } = await runCli([
      'push',
      `docker://${moody.host}/m/app:1`,
      `${registry.host}/c/app:1`,
      ...attempts,
    ]);
    expect(code).toBe(4);
    expect(stderr).toContain(`the source docker://${moody.host}/m/app:1`);
    expect(stderr).toContain('the source’s registry lacks what its manifest names');
    expect(registry.tags('c/app')).toEqual([]);
  });
});
