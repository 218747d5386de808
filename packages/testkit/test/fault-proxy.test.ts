import { describe, expect, test } from 'vitest';
import { faultProxy, startRegistry } from '../src/index.ts';
import { clientOf, someBlob } from './client.ts';

describe('faultProxy', () => {
  test('passes everything on, and counts it', async () => {
    await using registry = await startRegistry();
    await using proxy = await faultProxy({ target: registry.host });
    const { begin, put, send } = clientOf({ url: `http://${proxy.host}` });
    const { bytes, digest } = someBlob(200_000);
    expect((await put(await begin(), digest, bytes)).status).toBe(201);
    expect(Buffer.compare((await send(`/v2/app/blobs/${digest}`)).body, bytes)).toBe(0);
    expect(proxy.connections).toBe(3);
    expect(proxy.bytesSent).toBeGreaterThan(200_000);
    expect(proxy.bytesReceived).toBeGreaterThan(200_000);
    expect(proxy.cuts).toBe(0);
  });

  test('cuts a connection after so many bytes to the registry, which do arrive', async () => {
    await using registry = await startRegistry();
    await using proxy = await faultProxy({ target: registry.host });
    const { begin, patch, send } = clientOf({ url: `http://${proxy.host}` });
    const location = await begin();
    proxy.change({ cutAfterSent: 50_000, cuts: 1 });
    await expect(patch(location, someBlob(200_000).bytes)).rejects.toThrow();
    expect(proxy.cuts).toBe(1);
    while (registry.requests.at(-1)?.kind !== 'upload-patch') await new Promise(setImmediate);
    await registry.settled();
    const { offset } = registry.sessions()[0] ?? { offset: 0 };
    expect(offset).toBeGreaterThan(49_000);
    expect(offset).toBeLessThan(50_000);
    expect((await send(location)).header('range')).toBe(`0-${offset - 1}`);
  });

  test('cuts a connection after so many bytes from the registry', async () => {
    await using registry = await startRegistry();
    const { blobs } = await registry.seed('app', { blobs: [someBlob(200_000).bytes] });
    await using proxy = await faultProxy({ target: registry.host, cutAfterReceived: 10_000, cuts: 1 });
    const { send } = clientOf({ url: `http://${proxy.host}` });
    await expect(send(`/v2/app/blobs/${blobs[0]?.digest}`)).rejects.toThrow();
    expect((await send(`/v2/app/blobs/${blobs[0]?.digest}`)).body.byteLength).toBe(200_000);
  });

  test.each([
    ['latency', { latencyMs: 40 }, 1000],
    ['bandwidth', { bytesPerSecond: 1_000_000 }, 40_000],
  ] as const)('%s holds requests up', async (_, faults, size) => {
    await using registry = await startRegistry();
    await using proxy = await faultProxy({ target: registry.host, ...faults });
    const { begin, patch } = clientOf({ url: `http://${proxy.host}` });
    const location = await begin();
    const before = performance.now();
    expect((await patch(location, someBlob(size).bytes)).status).toBe(202);
    expect(performance.now() - before).toBeGreaterThanOrEqual(38);
  });

  test('cutAll cuts what there is, and nothing that comes', async () => {
    await using registry = await startRegistry();
    const rule = registry.misbehave({ stall: true, times: 1 });
    await using proxy = await faultProxy({ target: registry.host });
    const { send } = clientOf({ url: `http://${proxy.host}` });
    const answer = expect(send('/v2/')).rejects.toThrow();
    while (rule.hits === 0) await new Promise(setImmediate);
    proxy.cutAll();
    await answer;
    expect((await send('/v2/')).status).toBe(200);
  });

  test('a target that is not there ends the connection', async () => {
    await using proxy = await faultProxy({ target: '127.0.0.1:1' });
    await expect(clientOf({ url: `http://${proxy.host}` }).send('/v2/')).rejects.toThrow();
  });

  test('a target without a port is refused', async () => {
    await expect(faultProxy({ target: 'localhost' })).rejects.toThrow(TypeError);
  });
});
