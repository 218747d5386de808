import { setImmediate as nextTurn } from 'node:timers/promises';
import { contentOf, type Digest, digestBytes, encodedOf } from '@slipway/digest';
import type { SourceArtifact, SourceIndex } from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import type { Misbehaviour } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { createPusher, type PushEvent } from '../src/index.ts';
import { arrivals, imageOf, noiseBytes, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

const denied = { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }] };

/** The PUT that commits a blob. */
function putOf(digest: Digest): Misbehaviour['match'] {
  return { kind: 'upload-put', path: new RegExp(encodedOf(digest)) };
}

function indexOf(...children: ReturnType<typeof imageOf>[]): SourceIndex {
  const manifests = children.map((child, at) => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestBytes(child.config.bytes),
    size: 2,
    platform: { os: 'linux', architecture: at === 0 ? 'amd64' : 'arm64' },
  }));
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
  );
  return {
    kind: 'index',
    names: [],
    manifest: { mediaType: mediaTypes.ociIndex, digest: digestBytes(bytes), bytes },
    children: children.map((item, at) => ({ item, descriptor: manifests[at]! })),
  };
}

describe('a push that is aborted', () => {
  test.each([
    ['content is sent', false],
    ['only tags are put', true],
  ])('tells the tags that are in place by then, where %s', async (_, isThere) => {
    await using bench = await openBench();
    const image = randomImage(61);
    if (isThere) await bench.push(image, 'demo/app:0');
    bench.registry.misbehave({ match: { kind: 'manifest-put', path: /\/(?:c|d)$/ }, stall: true });
    const controller = new AbortController();
    const finished: (string | undefined)[] = [];
    const onEvent = (event: PushEvent): void => {
      if (event.type === 'push:finished') finished.push(event.tag);
    };
    const names = ['a', 'b', 'c', 'd'].map((tag) => `demo/app:${tag}`);
    const pushing = bench.push(image, names, { signal: controller.signal, onEvent });
    while (bench.registry.tags('demo/app').length < (isThere ? 3 : 2)) await nextTurn();
    await arrivals();
    controller.abort(new Error('enough'));
    await expect(pushing).rejects.toThrow('enough');
    expect(finished).toEqual(['a', 'b']);
  });
});

describe('a destination that fails', () => {
  test('ends its other work: no request after push() has returned, no session left open', async () => {
    await using bench = await openBench();
    const slow = imageOf([plainLayer(noiseBytes(400_000))], { comment: 'slow' });
    const refused = imageOf([plainLayer(textBytes(1, 1000))], { comment: 'refused' });
    bench.registry.misbehave({ match: putOf(refused.config.digest), status: 403, body: denied });
    const stall = bench.registry.misbehave({ match: { kind: 'upload-put' }, stall: true });
    const [result] = await bench.push(indexOf(refused, slow), 'demo/app:1');
    expect(result).toMatchObject({ ok: false });
    await arrivals();
    const asked = bench.registry.requests.length;
    stall.remove();
    await bench.registry.settled();
    expect(bench.registry.requests.slice(asked).filter(({ method }) => method !== 'DELETE')).toEqual([]);
    expect(bench.registry.manifests('demo/app')).toEqual([]);
    expect(bench.registry.sessions()).toEqual([]);
    expect(bench.events.at(-1)?.type).toBe('push:failed');
  });

  test('leaves the other destinations alone', async () => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { repository: 'demo/no' }, status: 403, body: denied });
    const results = await bench.push(randomImage(2), ['demo/no:1', 'demo/yes:1']);
    expect(results.map(({ ok }) => ok)).toEqual([false, true]);
    await bench.registry.verify();
  });

  test('tells the failure in time, not after what stands before it in the list', async () => {
    await using bench = await openBench();
    const image = imageOf([plainLayer(noiseBytes(300_000))]);
    bench.registry.misbehave({ match: putOf(image.config.digest), status: 403, body: denied });
    // The layer never ends by itself.
    bench.registry.misbehave({ match: { kind: 'upload-put' }, stall: true });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { op: 'push config' } });
  });
});

describe('two pushes that share a transfer', () => {
  test('the one that joined leaves at once; the other goes on', async () => {
    await using bench = await openBench();
    const image = imageOf([plainLayer(noiseBytes(300_000))]);
    const pusher = createPusher({ transfers: bench.transfers, gzip: bench.gzip });
    const stall = bench.registry.misbehave({ match: { kind: 'upload-put' }, times: 2, delayMs: 300 });
    const first = pusher.push(image, [bench.destination('demo/app:1')]);
    while (stall.hits === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const abort = new AbortController();
    let onJoined = (): void => {};
    const joined = new Promise<void>((resolve) => {
      onJoined = resolve;
    });
    const events: PushEvent[] = [];
    const second = pusher.push(image, [bench.destination('demo/app:2')], {
      signal: abort.signal,
      onEvent(event) {
        events.push(event);
        if (event.type === 'blob:preparing') onJoined();
      },
    });
    await joined;
    const reason = new Error('client left');
    abort.abort(reason);
    let isFirstOver = false;
    void first.then(() => {
      isFirstOver = true;
    });
    await expect(second).rejects.toBe(reason);
    expect(isFirstOver).toBe(false);
    const [result] = await first;
    expect(result?.ok).toBe(true);
    expect(bench.registry.tags('demo/app')).toEqual(['1']);
  });

  test('the one that began it leaves while its layer is made; the other gets the layer all the same', async () => {
    await using bench = await openBench();
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let onRead = (): void => {};
    const isRead = new Promise<void>((resolve) => {
      onRead = resolve;
    });
    const bytes = textBytes(1, 300_000);
    const layer = plainLayer(bytes);
    const content = {
      size: bytes.byteLength,
      async *open({ from = 0 }: { readonly from?: number | undefined } = {}) {
        onRead();
        yield bytes.subarray(from, from + 1000);
        await held;
        yield bytes.subarray(from + 1000);
      },
    };
    const slow = imageOf([{ ...layer, content }]);
    const abort = new AbortController();
    const first = bench.push(slow, 'demo/app:1', { signal: abort.signal });
    await isRead;
    const second = bench.push(slow, 'demo/app:2');
    while (bench.events.filter(({ type }) => type === 'blob:preparing').length < 4) await nextTurn();
    for (let turn = 0; turn < 20; turn += 1) await nextTurn(); // until it has joined
    const reason = new Error('client left');
    abort.abort(reason);
    goOn();
    await expect(first).rejects.toBe(reason);
    expect(await second).toMatchObject([{ ok: true }]);
    await bench.registry.verify();
    expect(bench.registry.tags('demo/app')).toEqual(['2']);
  });
});

describe('a listener that throws', () => {
  test.each(['push:started', 'blob:preparing', 'blob:progress', 'blob:pushed', 'manifest:pushed', 'push:finished'])(
    'at %s is reported once, and changes nothing',
    async (type) => {
      await using bench = await openBench();
      const warnings: string[] = [];
      const onWarning = (warning: Error): void => {
        if (warning.name === 'ListenerWarning') warnings.push(warning.message);
      };
      process.on('warning', onWarning);
      try {
        const [result] = await bench.push(randomImage(3), 'demo/app:1', {
          onEvent(event) {
            if (event.type === type) throw new Error(`broken at ${type}`);
          },
        });
        expect(result?.ok).toBe(true);
        await new Promise(setImmediate); // warnings are emitted in a later turn
      } finally {
        process.off('warning', onWarning);
      }
      expect(warnings).toEqual([expect.stringContaining(`broken at ${type}`)]);
      await bench.registry.verify();
    },
  );

  test('and a promise that rejects is heard of too', async () => {
    await using bench = await openBench();
    const onEvent = (async () => {
      throw new Error('later');
    }) as unknown as () => void;
    const [result] = await bench.push(randomImage(4), 'demo/app:1', { onEvent });
    expect(result?.ok).toBe(true);
  });
});

describe('what contradicts itself is refused before any request', () => {
  const tar = textBytes(5, 2000);
  const image = imageOf([plainLayer(tar), plainLayer(textBytes(6, 100))]);
  const [layer] = image.layers;
  test.each<[string, ReturnType<typeof imageOf>]>([
    ['a config that names more layers', { ...image, layers: image.layers.slice(0, 1) }],
    ['a config that names fewer layers', { ...image, layers: [...image.layers, layer!] }],
    ['layers in another order', { ...image, layers: image.layers.toReversed() }],
    ['a config whose bytes are not its digest', { ...image, config: { ...image.config, digest: digestBytes(tar) } }],
    ['a config that is no JSON', { ...image, config: { ...image.config, bytes: tar, digest: digestBytes(tar) } }],
  ])('%s', async (_, item) => {
    await using bench = await openBench();
    await expect(bench.push(item, 'demo/app:1')).rejects.toMatchObject({ code: 'ERR_PUSH_INVALID', origin: 'source' });
    expect(bench.requests()).toEqual([]);
  });

  function artifact(mediaType: string, document: object, blobs: SourceArtifact['blobs'] = []): SourceArtifact {
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    return { kind: 'artifact', names: [], manifest: { mediaType, digest: digestBytes(bytes), bytes }, blobs };
  }
  const blob = { mediaType: 'application/x', digest: digestBytes(tar), size: tar.byteLength };
  test.each<[string, SourceArtifact]>([
    ['a manifest of unknown type without its layers', artifact('application/json', { config: blob, layers: [blob] })],
    ['a type with parameters', artifact(`${mediaTypes.ociManifest}; charset=utf-8`, { layers: [blob] })],
    ['an index of unknown type without its children', artifact('text/plain', { manifests: [blob] })],
    [
      'an artifact manifest without its blobs',
      artifact('application/vnd.oci.artifact.manifest.v1+json', { blobs: [blob] }),
    ],
    [
      'a blob of another size than the manifest says',
      artifact(mediaTypes.ociManifest, { layers: [{ ...blob, size: 1 }] }, [
        { descriptor: blob, content: contentOf(tar) },
      ]),
    ],
  ])('%s', async (_, item) => {
    await using bench = await openBench();
    await expect(bench.push(item, 'demo/app:1')).rejects.toMatchObject({ code: 'ERR_PUSH_INVALID' });
    expect(bench.requests()).toEqual([]);
  });
});
