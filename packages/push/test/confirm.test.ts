import { digestBytes } from '@slipway/digest';
import { openRegistry, type Repository } from '@slipway/registry-client';
import type { Misbehaviour } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { digestOf, instant, openBench, randomImage, textBytes } from './setup.ts';

const page = '<!doctype html><html><head><title>Sign in</title></head><body>login</body></html>';
/** What tells a registry's answer from a web site's. */
const omitHeaders = ['docker-distribution-api-version', 'docker-content-digest'];
const html = { status: 200, body: page, headers: { 'content-type': 'text/html' }, omitHeaders };
const put: Misbehaviour['match'] = { kind: 'manifest-put' };
const looks: Misbehaviour['match'] = { kind: ['manifest-head', 'manifest-get'] };
const image = randomImage(31, [2000, 30_000]);

/** Digest of the image's manifest, as a first push to another repository tells it. */
async function expectedDigest(): Promise<string> {
  await using bench = await openBench();
  return digestOf(await bench.push(image, 'demo/first:1'));
}

describe('an answer to the manifest that is no 201 with its digest', () => {
  test.each<[string, Omit<Misbehaviour, 'match'>]>([
    ['200 and nothing', { status: 200, body: '' }],
    ['202', { status: 202, body: '' }],
    ['204', { status: 204, body: '' }],
    ['201 without a digest', { status: 201, body: '' }],
    ['201 with a digest that is none', { status: 201, body: '', headers: { 'docker-content-digest': 'sha256:no' } }],
    [
      '201 with another digest',
      { status: 201, body: '', headers: { 'docker-content-digest': digestBytes(textBytes(4, 4)) } },
    ],
  ])('%s: a registry that does not have it is a failure', async (_, deed) => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: put, readFirst: true, ...deed });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm', origin: 'destination' },
    });
    expect(bench.registry.tags('demo/app')).toEqual([]);
    expect(bench.events.some(({ type }) => type === 'manifest:pushed' || type === 'push:finished')).toBe(false);
  });

  test('the digest of something else, and the tag names it all the same: which is right is not known', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: put, wrongDigest: true });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm' } });
    expect(result?.ok === false && result.error.message).toContain(`and shows ${await expectedDigest()}`);
  });

  test('no digest, and the manifest itself is there: pushed, at the cost of one question', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: put, omitHeaders: ['docker-content-digest'] });
    const digest = digestOf(await bench.push(image, 'demo/app:1'));
    expect((await bench.registry.manifest('demo/app', '1'))?.digest).toBe(digest);
    expect(bench.requests().slice(-2)).toEqual(['PUT manifests', 'GET manifests']);
  });

  test.each([200, 201, 204])('%d without a digest, HEAD names it, and nobody gets it: a failure', async (status) => {
    const digest = await expectedDigest();
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: put, readFirst: true, status, body: '' });
    const named = { 'docker-content-digest': digest };
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, status: 200, headers: named });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm' } });
  });
});

test.each([200, 201, 202, 204])('schema 1: %d and no manifest is a failure', async (status) => {
  await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
  bench.registry.misbehave({ match: put, readFirst: true, status, body: '' });
  const [result] = await bench.push(image, 'demo/app:1', { format: 'schema1' });
  expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm' } });
  expect(result?.ok === false && result.error.message).toContain(`answered ${status} to manifest 1`);
});

test('a page in answer to the manifest is told as a web page', async () => {
  await using bench = await openBench();
  bench.registry.misbehave({ match: put, readFirst: true, ...html });
  const [result] = await bench.push(image, 'demo/app:1');
  expect(result?.ok === false && result.error.message).toMatch(/web page/i);
  expect(bench.registry.tags('demo/app')).toEqual([]);
});

describe('a full answer', () => {
  test('is looked at, tag by tag', async () => {
    await using bench = await openBench();
    await bench.push(image, ['demo/app:1', 'demo/app:2']);
    const one = ['PUT manifests', 'HEAD manifests'];
    expect(bench.requests().slice(-4)).toEqual([...one, ...one]);
  });

  test.each([
    ['nothing is there', []],
    ['the manifest is there by its digest alone', ['digest']],
  ])('is not believed where %s', async (_, there) => {
    const digest = await expectedDigest();
    const slept: number[] = [];
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant(slept) } });
    bench.registry.misbehave({
      match: { kind: 'manifest-put' },
      status: 201,
      body: '',
      readFirst: true,
      headers: { 'docker-content-digest': digest },
    });
    if (there.length > 0)
      bench.registry.misbehave({ match: { ...looks, path: new RegExp(digest) }, status: 200, headers: shows(digest) });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN' }, totals: { uploaded: 3 } });
    expect(result?.ok === false && result.error.message).toContain('answered 201 to manifest 1, and does not have it');
    expect(slept).toEqual([1_000, 2_000, 5_000]);
  });

  test('whose tag another push has moved since is a success, and says so', async () => {
    const other = digestBytes(textBytes(9, 9));
    const slept: number[] = [];
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant(slept) } });
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, status: 200, headers: shows(other), times: 1 });
    const digest = digestOf(await bench.push(image, 'demo/app:1', { learn: 'off' }));
    expect(bench.events).toContainEqual({
      type: 'warning',
      destination: `${bench.registry.host}/demo/app`,
      code: 'tag-moved',
      message: `1 names ${other} now: another push has moved it; ${digest} is there by digest`,
    });
    expect(slept).toEqual([]);
    expect(bench.requests().slice(-3)).toEqual(['PUT manifests', 'HEAD manifests', 'HEAD manifests']);
  });

  test('whose tag shows something else, and whose digest nothing, is not believed', async () => {
    const other = digestBytes(textBytes(9, 9));
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: { kind: 'manifest-head', path: /:[0-9a-f]{64}$/ }, status: 404 });
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, status: 200, headers: shows(other) });
    const [result] = await bench.push(image, 'demo/app:1', { learn: 'off' });
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN' } });
    expect(result?.ok === false && result.error.message).toContain(`and shows ${other} where`);
  });

  test('is looked at when nothing was sent: the registry may speak from a stale cache', async () => {
    const digest = await expectedDigest();
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    await bench.push(image, 'demo/first:1');
    bench.registry.misbehave({
      match: { kind: 'manifest-put', repository: 'demo/app' },
      status: 201,
      body: '',
      readFirst: true,
      headers: { 'docker-content-digest': digest },
    });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'ERR_PUSH_NOT_SEEN' },
      totals: { uploaded: 0, mounted: 3 },
    });
    expect(result?.ok === false && result.error.message).toContain('does not have it');
    expect(result?.ok === false && (result.error as { hint?: string }).hint).toContain('garbage collection');
  });

  test.each<[string, Misbehaviour['match'], Omit<Misbehaviour, 'match'>]>([
    ['HEAD is refused and GET is not', { kind: 'manifest-head' }, { status: 405 }],
    ['HEAD has no digest', { kind: 'manifest-head' }, { omitHeaders: ['docker-content-digest'] }],
    ['credentials may write and not read', looks, { status: 403 }],
    ['a replica shows it a moment later', looks, { status: 404, times: 3 }],
  ])('is believed where %s', async (_, match, deed) => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    await bench.push(image, 'demo/first:1');
    bench.registry.misbehave({ match: { ...match, repository: 'demo/app' }, ...deed });
    const [result] = await bench.push(image, 'demo/app:1');
    if (result?.ok === false) throw result.error;
    expect(bench.registry.tags('demo/app')).toEqual(['1']);
  });

  test('is not believed where web pages answer the look', async () => {
    const digest = await expectedDigest();
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    await bench.push(image, 'demo/first:1');
    bench.registry.misbehave({ match: { ...looks, repository: 'demo/app' }, ...html });
    bench.registry.misbehave({
      match: { kind: 'manifest-put', repository: 'demo/app' },
      status: 201,
      body: '',
      readFirst: true,
      headers: { 'docker-content-digest': digest },
    });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { op: 'confirm', cause: { code: 'ERR_REGISTRY_PROTOCOL' } } });
  });
});

describe('a look that fails', () => {
  /** Takes each manifest in full words, and keeps none. */
  const losing = (digest: string): Misbehaviour => ({
    match: { kind: 'manifest-put', repository: 'demo/app' },
    status: 201,
    body: '',
    readFirst: true,
    headers: { 'docker-content-digest': digest },
  });
  const failing: readonly [string, Omit<Misbehaviour, 'match'>][] = [
    ['is answered 500', { status: 500 }],
    ['is answered 503', { status: 503 }],
    ['is answered 410', { status: 410 }],
    ['is answered 451', { status: 451 }],
    ['is answered 400', { status: 400 }],
    ['is refused whatever the method', { status: 405 }],
    ['is cut off', { reset: true }],
  ];

  test.each(failing)('where it %s, time and again: nothing was seen', async (_, deed) => {
    const digest = await expectedDigest();
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    await bench.push(image, 'demo/first:1');
    bench.registry.misbehave(losing(digest));
    bench.registry.misbehave({ match: { ...looks, repository: 'demo/app' }, ...deed });
    const [result] = await bench.push(image, 'demo/app:1', { learn: 'off' });
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN', op: 'confirm' } });
    expect(result?.ok === false && result.error.message).toContain(
      'answered 201 to manifest 1, and does not show it: ',
    );
    const isOfFirst = ({ destination }: { destination: string }): boolean => destination.endsWith('/first');
    const told = bench.events.filter((event) => event.type === 'manifest:pushed');
    expect(told.every(isOfFirst)).toBe(true);
  });

  test.each(failing)('where it %s, and the list of tags has it: pushed, and that is said', async (name, deed) => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: looks, ...deed });
    digestOf(await bench.push(image, 'demo/app:1', { learn: 'off' }));
    expect(bench.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        code: 'manifest-unseen',
        message: expect.stringContaining('; the list of tags has it: '),
      }),
    );
    const requests = bench.requests();
    const afterPut = requests.slice(requests.indexOf('PUT manifests') + 1);
    // What may pass is asked for twice; the client asks once more by itself where a kept connection is cut off.
    const asked = name === 'is cut off' ? 4 : /500|503/.test(name) ? 2 : 1;
    expect(afterPut.filter((request) => request === 'HEAD manifests')).toHaveLength(asked);
  });

  test('where nothing is tried twice: the list of tags is asked at once', async () => {
    await using bench = await openBench({ attempts: 1 });
    bench.registry.misbehave({ match: looks, status: 500 });
    digestOf(await bench.push(image, 'demo/app:1', { learn: 'off' }));
    expect(bench.events).toContainEqual(expect.objectContaining({ type: 'warning', code: 'manifest-unseen' }));
  });

  const noConfig: Misbehaviour = { match: { kind: 'blob-head' }, status: 404 };
  const noList = (status: number): Misbehaviour => ({ match: { kind: 'tags' }, status });

  test.each<[string, string, Misbehaviour[], boolean]>([
    ['what it names is there', 'a manifest without a tag', [], true],
    ['nothing that it names is there', 'a manifest without a tag', [noConfig], false],
    ['there is no list, and what it names is there', '1', [{ ...noList(404), ...html }], true],
    ['the list is refused, and what it names is there', '1', [noList(403)], true],
    ['the list fails, and nothing that it names is there', '1', [noList(500), noConfig], false],
    ['the list has other tags', '1', [{ ...noList(200), body: { name: 'demo/app', tags: ['2'] } }], false],
    [
      'the list says that there is no such repository',
      '1',
      [{ ...noList(404), body: { errors: [{ code: 'NAME_UNKNOWN', message: 'unknown' }] } }],
      false,
    ],
  ])('where %s, of %s', async (_, tag, rules, isPushed) => {
    const digest = await expectedDigest();
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    for (const rule of [{ match: looks, status: 500 }, ...rules]) bench.registry.misbehave(rule);
    const [result] = await bench.push(image, tag === '1' ? 'demo/app:1' : `demo/app@${digest}`, { learn: 'off' });
    expect(result).toMatchObject(isPushed ? { ok: true } : { ok: false, error: { code: 'ERR_PUSH_NOT_SEEN' } });
    const unseen = bench.events.filter((event) => event.type === 'warning' && event.code === 'manifest-unseen');
    const told = expect.objectContaining({ message: expect.stringContaining('; what it names is there: ') });
    expect(unseen).toEqual(isPushed ? [told] : []);
  });

  test('where no answer to HEAD comes in time: the manifest itself is asked for', async () => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    const timeouts = { metadataMs: 400 };
    await using registry = openRegistry({ url: bench.registry.url, timeouts });
    const connect = async (): Promise<Repository> => registry.repository('demo/app');
    const endpoints = [{ url: new URL(bench.registry.url), connect }];
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, stall: true });
    const destinations = [{ ...bench.destination('demo/app:1'), endpoints }];
    const [results = []] = await bench.pushAll([{ item: image, destinations }], { learn: 'off' });
    digestOf(results);
    expect(bench.requests().slice(-2)).toEqual(['HEAD manifests', 'GET manifests']);
  });

  test.each([...failing.filter(([name]) => /500|503|cut/.test(name)), ['is answered 429', { status: 429 }] as const])(
    'where it %s, twice, and the answer to the manifest was no full one: asked again',
    async (_, deed) => {
      await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
      bench.registry.misbehave({ match: put, omitHeaders: ['docker-content-digest'] });
      bench.registry.misbehave({ match: { kind: 'manifest-get' }, ...deed, times: 2 });
      digestOf(await bench.push(image, 'demo/app:1', { learn: 'off' }));
      expect(bench.events).toContainEqual(
        expect.objectContaining({
          type: 'warning',
          code: 'manifest-retry',
          message: expect.stringContaining('look at'),
        }),
      );
    },
  );

  test('where reading is limited for longer, and the answer was a full one: pushed, and that is said', async () => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: looks, status: 429 });
    digestOf(await bench.push(image, 'demo/app:1', { learn: 'off' }));
    expect(bench.events).toContainEqual(expect.objectContaining({ type: 'warning', code: 'manifest-unseen' }));
  });

  test('where nobody may read, and the answer was no full one: nothing was seen', async () => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: instant() } });
    bench.registry.misbehave({ match: put, omitHeaders: ['docker-content-digest'] });
    bench.registry.misbehave({ match: { kind: 'manifest-get' }, status: 403 });
    const [result] = await bench.push(image, 'demo/app:1', { learn: 'off' });
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_NOT_SEEN' } });
    expect(result?.ok === false && result.error.message).toContain('does not let it be read');
  });
});

test('an address that answers everything with a web page is told as such, with a warm memory too', async () => {
  await using bench = await openBench();
  await bench.push(image, 'demo/app:1');
  bench.registry.misbehave(html);
  for (const to of ['demo/app:1', 'demo/app:2', 'demo/other:1']) {
    const [result] = await bench.push(image, to);
    expect(result?.ok).toBe(false);
    expect(result?.ok === false && result.error.message).toMatch(/web page/i);
  }
});

function shows(digest: string): Record<string, string> {
  return { 'docker-content-digest': digest };
}
