import { type ByteStream, contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { PushError } from '../src/index.ts';
import { countOf, imageOf, openBench, outcomes, plainLayer, randomImage, textBytes } from './setup.ts';

describe('a source that is not what it claims', () => {
  test('a flipped byte is refused, nothing is committed and no tag appears', async () => {
    await using bench = await openBench();
    const bytes = textBytes(7, 300_000);
    const wrong = bytes.slice();
    wrong[250_000] = 0;
    const image = imageOf([plainLayer(textBytes(8, 1000)), { ...plainLayer(bytes), content: contentOf(wrong) }]);
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PUSH_FAILED', op: 'read', origin: 'source' } });
    expect(bench.registry.tags('demo/app')).toEqual([]);
    expect(outcomes(bench.events)['blob:retrying']).toBeUndefined();
  });

  test('a large flipped layer is refused in the middle of its stream', async () => {
    await using bench = await openBench();
    const bytes = textBytes(9, 20 * 1024 * 1024);
    const wrong = bytes.slice();
    wrong[19 * 1024 * 1024] = 0;
    const image = imageOf([{ ...plainLayer(bytes), content: contentOf(wrong) }]);
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
    expect(bench.registry.tags('demo/app')).toEqual([]);
    await bench.registry.settled();
    expect(bench.registry.sessions()).toEqual([]);
  });

  test('a source that cannot be read is told as such, with its own message', async () => {
    await using bench = await openBench();
    const bytes = textBytes(10, 5000);
    const broken = {
      size: bytes.byteLength,
      async *open(): ByteStream {
        yield bytes.subarray(0, 100);
        throw new Error('the disk is on fire');
      },
    };
    const [result] = await bench.push(imageOf([{ ...plainLayer(bytes), content: broken }]), 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
    expect(result?.ok === false && result.error.message).toContain('the disk is on fire');
  });

  test('a stored layer whose bytes do not match its digest is refused', async () => {
    await using bench = await openBench();
    const bytes = textBytes(11, 70_000);
    const descriptor = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: digestBytes(textBytes(12, 10)),
      size: bytes.byteLength,
    };
    const image = imageOf([{ diffID: digestBytes(bytes), content: contentOf(bytes), compression: 'gzip', descriptor }]);
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
    expect(bench.registry.tags('demo/app')).toEqual([]);
  });
});

const uploadUnknown = { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN', message: 'blob upload unknown to registry' }] };

describe('a registry that fails', () => {
  test.each([
    ['a connection reset while a blob is sent', { match: { kind: 'upload-put' }, dropAfter: 100, times: 2 }],
    ['a 500 on the upload', { match: { kind: 'upload-put' }, status: 500, times: 2 }],
    ['a 503 on the session', { match: { kind: ['upload-start', 'mount'] }, status: 503, times: 2 }],
    ['an answer lost after the work was done', { match: { kind: 'upload-put' }, dropResponse: true, times: 1 }],
    ['a session that is gone', { match: { kind: 'upload-put' }, status: 404, body: uploadUnknown, times: 1 }],
    ['a 500 on the manifest', { match: { kind: 'manifest-put' }, status: 500, times: 2 }],
    ['a lost answer to the manifest', { match: { kind: 'manifest-put' }, dropResponse: true, times: 1 }],
  ] as const)('%s is survived', async (_, rule) => {
    await using bench = await openBench();
    const handle = bench.registry.misbehave(rule);
    const [result] = await bench.push(randomImage(20), 'demo/app:1');
    if (result?.ok === false) throw result.error;
    expect(handle.hits).toBe(rule.times);
    await bench.registry.verify();
  });

  test('a 429 is waited for as the registry says, and the wait is told with its cause', async () => {
    await using bench = await openBench({ retry: { backoff: () => 1, random: () => 0 } });
    bench.registry.misbehave({ match: { kind: 'upload-put' }, status: 429, headers: { 'retry-after': '1' }, times: 1 });
    const [result] = await bench.push(randomImage(21, [2000]), 'demo/app:1');
    expect(result).toMatchObject({ ok: true });
    const retries = bench.events.filter((event) => event.type === 'blob:retrying');
    expect(retries[0]).toMatchObject({ seconds: 1, cause: { status: 429 } });
  });

  test('a denied upload fails at once, with the registry named in the cause', async () => {
    await using bench = await openBench();
    const body = { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied', detail: null }] };
    bench.registry.misbehave({ match: { kind: ['upload-start', 'mount'] }, status: 403, body });
    const [result] = await bench.push(randomImage(22), 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { origin: 'destination' } });
    const error = result?.ok === false ? result.error : undefined;
    expect(error).toBeInstanceOf(PushError);
    expect(error).toMatchObject({ op: expect.stringMatching(/^push (layer|config)$/) });
    expect(error?.message).toContain('answered 403: denied');
    // Each of the four blobs asks to be mounted, and then plainly; nothing is asked twice.
    expect(countOf(bench.requests())['POST blobs/uploads']).toBeLessThanOrEqual(8);
  });

  test('attempts run out, and the last cause is told', async () => {
    await using bench = await openBench({ attempts: 3 });
    const handle = bench.registry.misbehave({ match: { kind: 'upload-put' }, status: 502 });
    const [result] = await bench.push(randomImage(23, [1000]), 'demo/app:1');
    expect(result).toMatchObject({ ok: false });
    expect(result?.ok === false && result.error.message).toContain('gave up after 3 attempts');
    // Layer and config, three times each; whichever runs out first ends the other.
    expect(handle.hits).toBeGreaterThanOrEqual(3);
    expect(handle.hits).toBeLessThanOrEqual(6);
  });

  test('an immutable tag that names the same manifest already is a success', async () => {
    await using bench = await openBench();
    const image = randomImage(24);
    await bench.push(image, 'demo/app:1');
    bench.registry.misbehave({ match: { kind: 'manifest-head' }, status: 404, times: 2 }); // foresight is blind
    bench.registry.misbehave({
      match: { kind: 'manifest-put' },
      status: 400,
      body: { errors: [{ code: 'TAG_INVALID', message: 'The image tag is immutable' }] },
    });
    const [again] = await bench.push(image, 'demo/app:1');
    expect(again).toMatchObject({ ok: true, unchanged: true });
  });
});

describe('leaving early', () => {
  test('an aborted push rejects with the reason and leaves no session open', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'upload-put' }, stall: true });
    const abort = new AbortController();
    const reason = new Error('enough');
    const pushing = bench.push(randomImage(25), 'demo/app:1', {
      signal: abort.signal,
      onEvent: ({ type }) => type === 'blob:progress' && abort.abort(reason),
    });
    await expect(pushing).rejects.toBe(reason);
    expect(bench.registry.tags('demo/app')).toEqual([]);
  });
});
