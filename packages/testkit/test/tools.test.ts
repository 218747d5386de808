import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { findTool, requireTool, runTool, startDebianRegistry } from '../src/index.ts';
import { clientOf, someBlob } from './client.ts';

describe('findTool', () => {
  test('finds what is on PATH, and nothing else', () => {
    expect(findTool('sh')).toMatch(/\/sh$/);
    expect(findTool('slipway-has-no-such-tool')).toBeUndefined();
  });

  test('a missing tool is a reason to skip, but an error in CI', () => {
    vi.stubEnv('CI', 'false');
    expect([requireTool('sh'), requireTool('sh', 'no-such-tool')]).toEqual([false, 'not installed: no-such-tool']);
    vi.stubEnv('CI', 'true');
    expect(requireTool('sh')).toBe(false);
    expect(() => requireTool('no-such-tool')).toThrow(expect.objectContaining({ code: 'ERR_TESTKIT_TOOL_MISSING' }));
    vi.unstubAllEnvs();
  });
});

describe('runTool', () => {
  test('gives back output and code', async () => {
    const result = await runTool('sh', ['-c', 'echo out; echo err >&2; echo $WORD; exit 3'], { env: { WORD: 'said' } });
    expect(result).toEqual({ stdout: 'out\nsaid\n', stderr: 'err\n', code: 3 });
  });

  test('ends what takes too long', async () => {
    await expect(runTool('sleep', ['60'], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_TESTKIT_TOOL_FAILED',
    });
  });

  test('a tool that is not there is an error of ours', async () => {
    await expect(runTool('no-such-tool', [])).rejects.toMatchObject({ code: 'ERR_TESTKIT_TOOL_MISSING' });
  });
});

describe.skipIf(requireTool('docker-registry'))("Debian's registry", () => {
  test('logs every request that was answered', async () => {
    await using registry = await startDebianRegistry();
    const { begin, put, send } = clientOf(registry);
    const { bytes, digest } = someBlob();
    expect((await put(await begin(), digest, bytes)).status).toBe(201);
    await send('/v2/none/tags/list?n=5');
    await registry.settled();
    expect(registry.requests.map(({ method, status }) => [method, status])).toEqual([
      ['POST', 202],
      ['PUT', 201],
      ['GET', 404],
    ]);
    expect([registry.requests[2]?.path, registry.requests[2]?.query.get('n')]).toEqual(['/v2/none/tags/list', '5']);
    registry.clearRequests();
    expect(registry.requests).toEqual([]);
    expect(registry.log).toContain('listening on');
  });

  test('keeps its files in a folder that goes with it', async () => {
    const registry = await startDebianRegistry();
    expect((await readdir(registry.folder)).sort()).toEqual(['config.yml']);
    await registry[Symbol.asyncDispose]();
    await expect(access(join(registry.folder, 'config.yml'))).rejects.toThrow();
    await expect(clientOf(registry).send('/v2/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('asks for a password', async () => {
    await using registry = await startDebianRegistry({ users: { me: 'secret' } });
    const authorization = (password: string) => ({
      authorization: `Basic ${Buffer.from(`me:${password}`).toString('base64')}`,
    });
    const { send } = clientOf(registry);
    const statuses = [
      await send('/v2/'),
      await send('/v2/', { headers: authorization('no') }),
      await send('/v2/', { headers: authorization('secret') }),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 200]);
    await registry.settled();
    expect(registry.requests).toHaveLength(3);
  });

  test('takes parts of a configuration', async () => {
    await using registry = await startDebianRegistry({ config: { http: { relativeurls: true } } });
    expect(await clientOf(registry).begin()).toMatch(/^\/v2\//);
  });

  test('says why it did not start', async () => {
    await expect(
      startDebianRegistry({ config: { storage: { filesystem: null, nonsense: {} } } }),
    ).rejects.toMatchObject({
      code: 'ERR_TESTKIT_TOOL_FAILED',
      message: expect.stringContaining('docker-registry ended'),
    });
  });
});
